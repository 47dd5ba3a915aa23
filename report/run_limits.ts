/** What limits a run, in a sentence that says what to do. Each rule is a few numbers, and the first that holds counts. */

import type { Figures, NodeFigures } from "./figures.ts";

/** What limits a run. */
export type LimitKind =
  | "nothing ran"
  | "failures"
  | "memory"
  | "node"
  | "straggler"
  | "few jobs"
  | "no worker"
  | "unknown"
  | "missing attempts"
  | "waiting in jobs"
  | "slots"
  | "inputs"
  | "start"
  | "end"
  | "short jobs"
  | "transfer"
  | "several";

/** A finding. Numbers in it are not formatted yet, so that rules can be tested by themselves. */
export interface Limit {
  readonly kind: LimitKind;
  /** A node or a job, or the reason of failures, where the finding is about one. */
  readonly name?: string;
  /** How many jobs to put in one input. */
  readonly together?: number;
}

/** Slots that are busy to this part have no time left for more. */
export const BUSY_PART = 0.8;
/** If so many jobs fail, the rest says little. */
const FAILED_PART = 0.5;
/** If this part of the jobs was killed for its memory, that is not an accident. */
const MEMORY_PART = 0.01;
/** A node fails if it fails this many jobs, this part of its jobs, and so much more often than the others. */
const NODE_FAILURES_MIN = 10;
const NODE_FAILED_PART = 0.1;
const NODE_FAILED_FACTOR = 5;
/** An end of the run with few busy slots matters from this part of the run on. */
const TAIL_PART = 0.15;
/** One job is the reason if it ran for this part of that end, and so much longer than the median. */
const STRAGGLER_PART = 0.8;
const STRAGGLER_FACTOR = 1.5;
/** With fewer jobs for each slot, slots are idle whatever the jobs do. */
const JOBS_PER_SLOT_MIN = 2;
/** A time without any worker matters from this part of the run on. */
const LACK_PART = 0.15;
/** Attempts that are not in the journal matter if slots may have been busy with them for this part of the time. */
const MISSING_PART = 0.15;
/** A beginning with few busy slots matters from this part of the run on. */
const HEAD_PART = 0.15;
/** Jobs that compute for a smaller part of their time wait for a disk, a network or each other. */
const CPU_PART = 0.5;
/** With fewer jobs in the queue for each slot, slots wait for inputs. */
const WAITING_PER_SLOT_MIN = 0.5;
/** Bytes of a job that take longer to move than anything else that is done for it. */
const TRANSFER_BYTES_MIN = 100_000;
/** What distcomp does for each job shows beside jobs that are shorter. */
export const SHORT_MS = 2;
/** Jobs that are put together should take this long. */
const TOGETHER_MS = 10;

type Rule = (figures: Figures) => Limit | undefined;

/** In the order in which they matter: without failures first, a run is not worth being made faster. */
const RULES: readonly Rule[] = [
  ({ records }) => records === 0 ? { kind: "nothing ran" } : undefined,
  failingNode,
  memory,
  failures,
  straggler,
  noWorker,
  ({ busyPart }) => busyPart === undefined ? { kind: "unknown" } : undefined,
  missingAttempts,
  fewJobs,
  slowStart,
  busySlots,
  idleEnd,
  waitingForInputs,
  shortJobs,
  ({ bytesPerJob }) => ({ kind: bytesPerJob < TRANSFER_BYTES_MIN ? "several" : "transfer" }),
];

/** All that holds, the most important first. There is always one. */
export function limitsOf(figures: Figures): Limit[] {
  const limits: Limit[] = [];
  for (const rule of RULES) {
    const limit = rule(figures);
    // Jobs that crashed do not say when they ran, and beside a reason nobody looks for another one that is not known.
    if ((limit?.kind === "unknown" || limit?.kind === "several") && limits.length > 0) break;
    if (limit) limits.push(limit);
    if (limit && isLast(limit.kind)) break;
  }
  if (doJobsWait(figures) && figures.records > 0) limits.push({ kind: "waiting in jobs" });
  return limits;
}

/** Rules behind one of these would only say why slots are idle, which is known by then. */
function isLast(kind: LimitKind): boolean {
  return !["failures", "memory", "node", "no worker"].includes(kind);
}

function failures({ jobs, failed, topReason }: Figures): Limit | undefined {
  if (failed < FAILED_PART * jobs || failed === 0) return undefined;
  return { kind: "failures", ...(topReason ? { name: topReason.reason } : {}) };
}

function memory({ memoryKills, jobs }: Figures): Limit | undefined {
  return memoryKills > 0 && memoryKills >= MEMORY_PART * jobs ? { kind: "memory" } : undefined;
}

function failingNode({ nodes }: Figures): Limit | undefined {
  if (nodes.length < 2) return undefined;
  const all = nodes.reduce((sum, { jobs, failed }) => ({
    jobs: sum.jobs + jobs,
    failed: sum.failed + failed,
  }), { jobs: 0, failed: 0 });
  const worst = nodes.reduce((one, other) => partOf(other) > partOf(one) ? other : one);
  if (worst.failed < NODE_FAILURES_MIN || partOf(worst) < NODE_FAILED_PART) return undefined;
  const others = { jobs: all.jobs - worst.jobs, failed: all.failed - worst.failed };
  return partOf(worst) >= NODE_FAILED_FACTOR * partOf(others) && others.jobs > 0
    ? { kind: "node", name: worst.name }
    : undefined;
}

function partOf({ jobs, failed }: Pick<NodeFigures, "jobs" | "failed">): number {
  return jobs === 0 ? 0 : failed / jobs;
}

function straggler(figures: Figures): Limit | undefined {
  const { last, slotsMax, medianMs } = figures;
  if (slotsMax < 2 || !hasLongTail(figures) || !last) return undefined;
  const isLong = last.runMs >= STRAGGLER_FACTOR * medianMs;
  return isLong && ranAtTheEnd(figures) ? { kind: "straggler", name: last.name } : undefined;
}

/** Whether the job that ended last kept its slot busy while others were idle at the end. */
function ranAtTheEnd({ tailMs, last }: Figures): boolean {
  return (last?.runMs ?? 0) >= STRAGGLER_PART * tailMs;
}

function hasLongTail({ tailMs, lengthMs }: Figures): boolean {
  return tailMs > 0 && tailMs >= TAIL_PART * lengthMs;
}

function noWorker({ lackMs, lengthMs }: Figures): Limit | undefined {
  return lackMs > 0 && lackMs >= LACK_PART * lengthMs ? { kind: "no worker" } : undefined;
}

/** Nobody knows whether slots were idle if attempts that are not in the journal may have kept them busy. */
function missingAttempts({ busyPart = 1, busyPartMax = 0, missing }: Figures): Limit | undefined {
  const areMany = busyPartMax >= BUSY_PART || busyPartMax - busyPart >= MISSING_PART;
  const isUnknown = busyPart < BUSY_PART && areMany && missing.attempts > 0;
  return isUnknown ? { kind: "missing attempts" } : undefined;
}

/** Jobs that are as long as others leave slots idle at the end, too, if a slot has few of them. */
function fewJobs(figures: Figures): Limit | undefined {
  const { records, slotsMax, busyPart = 1, isGoingOn } = figures;
  if (isGoingOn) return undefined; // nobody knows how many will come
  if (records <= slotsMax) return { kind: "few jobs" }; // more slots would not be used
  const endTogether = hasLongTail(figures) && ranAtTheEnd(figures);
  const areFew = records < JOBS_PER_SLOT_MIN * slotsMax || endTogether;
  return busyPart < BUSY_PART && areFew ? { kind: "few jobs" } : undefined;
}

function busySlots({ busyPart = 0 }: Figures): Limit | undefined {
  return busyPart >= BUSY_PART ? { kind: "slots" } : undefined;
}

function doJobsWait({ cpuPart = 1 }: Figures): boolean {
  return cpuPart < CPU_PART;
}

/** Only where slots were busy after that. */
function slowStart({ headMs, lengthMs, busyPart = 0 }: Figures): Limit | undefined {
  const isLong = headMs > 0 && headMs >= HEAD_PART * lengthMs;
  const wasBusyThen = busyPart * lengthMs >= BUSY_PART * (lengthMs - headMs);
  return isLong && wasBusyThen ? { kind: "start" } : undefined;
}

/** Only where slots were busy before that, and no job ran for this long. */
function idleEnd(figures: Figures): Limit | undefined {
  const { tailMs, lengthMs, busyPart = 0 } = figures;
  const wasBusyBefore = busyPart * lengthMs >= BUSY_PART * (lengthMs - tailMs);
  return hasLongTail(figures) && wasBusyBefore ? { kind: "end" } : undefined;
}

function waitingForInputs({ waitingPerSlot }: Figures): Limit | undefined {
  return waitingPerSlot < WAITING_PER_SLOT_MIN ? { kind: "inputs" } : undefined;
}

function shortJobs({ medianMs, records }: Figures): Limit | undefined {
  const together = jobsTogether(medianMs);
  if (medianMs >= SHORT_MS || records < together) return undefined; // so many cannot be put together
  return { kind: "short jobs", together };
}

/** How many jobs of this length to put together: 10, 100, 1,000 … */
function jobsTogether(medianMs: number): number {
  return 10 ** Math.max(1, Math.min(4, Math.ceil(Math.log10(TOGETHER_MS / medianMs))));
}
