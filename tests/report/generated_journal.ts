/**
 * Journals of simulated runs: slots take jobs from a queue, and the lines are what a run would write. All depends on a
 * seed.
 */

import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { Choices } from "../lib/random.ts";

/** When the first run begins. */
export const BEGUN_AT = Date.UTC(2026, 0, 2, 12, 0, 0);

/** What happens in a run. Times are in milliseconds. */
export interface RunPlan {
  readonly jobs: number;
  readonly nodes: number;
  readonly slotsPerNode: number;
  /** How long a job runs; about 100 by default. */
  runMs?(job: number, choices: Choices): number;
  /** The time between two inputs; 0: they are all there at once. */
  readonly inputMs?: number;
  /** Between two jobs on a slot; 0.1 by default. */
  readonly gapMs?: number;
  /** Fields of a job's line that are other than those of a job that is done. */
  fields?(job: number, node: string): Readonly<Record<string, unknown>>;
  readonly name?: (job: number) => string;
  readonly begunAt?: number;
  readonly seed?: number;
  /** Whether the run writes its end. */
  readonly isKilled?: boolean;
  /** Whether workers say that they join. */
  readonly hasWorkerLines?: boolean;
}

/** A line of a journal with these fields. */
export function journalLine(fields: Readonly<Record<string, unknown>>, version = 1): string {
  const text = `{"v":${version},${JSON.stringify(fields).slice(1, -1)}`;
  return `${text},"crc":"${crc32(Buffer.from(text)).toString(16).padStart(8, "0")}"}\n`;
}

/** The lines of a run. */
export function* journalOf(plan: RunPlan): Iterable<string> {
  const { jobs, nodes, begunAt = BEGUN_AT, slotsPerNode, hasWorkerLines = true } = plan;
  yield journalLine({ run: "begun", at: begunAt });
  for (let node = 0; hasWorkerLines && node < nodes; node++) {
    const name = `node${node}`;
    const address = `${name}:7433`;
    yield journalLine({ worker: "joined", node: name, address, slots: slotsPerNode, at: begunAt });
  }
  const { starts, runs, slots } = scheduled(plan);
  const order = new Uint32Array(jobs).map((_, job) => job)
    .sort((one, other) => starts[one]! + runs[one]! - starts[other]! - runs[other]!);
  let endedAt = begunAt;
  for (const job of order) {
    const line = jobLine(plan, job, slots[job]!, starts[job]!, runs[job]!);
    endedAt = begunAt + starts[job]! + runs[job]!;
    yield line;
  }
  if (!plan.isKilled) yield journalLine({ run: "ended", at: endedAt });
}

interface Schedule {
  readonly starts: Float64Array;
  readonly runs: Float64Array;
  readonly slots: Uint32Array;
}

function scheduled(plan: RunPlan): Schedule {
  const { jobs, inputMs = 0, gapMs = 0.1, runMs } = plan;
  const choices = new Choices(plan.seed ?? 1);
  const free = new Float64Array(plan.nodes * plan.slotsPerNode);
  const schedule = {
    starts: new Float64Array(jobs),
    runs: new Float64Array(jobs),
    slots: new Uint32Array(jobs),
  };
  for (let job = 0; job < jobs; job++) {
    const slot = free.indexOf(Math.min(...free));
    const start = Math.max(free[slot]!, job * inputMs) + gapMs;
    const run = runMs?.(job, choices) ?? 80 + choices.below(40_000) / 1000;
    schedule.starts[job] = start;
    schedule.runs[job] = run;
    schedule.slots[job] = slot;
    free[slot] = start + run;
  }
  return schedule;
}

function jobLine(plan: RunPlan, job: number, slot: number, start: number, run: number): string {
  const { begunAt = BEGUN_AT, slotsPerNode, inputMs = 0 } = plan;
  const node = `node${Math.floor(slot / slotsPerNode)}`;
  const startedAt = exact(begunAt + start);
  return journalLine({
    index: job,
    input: plan.name?.(job) ?? `inputs/${job}.dat`,
    state: "done",
    exitCode: 0,
    worker: `${node}:7433`,
    attempt: 1,
    bytesIn: 1000,
    bytesOut: 500,
    queuedAt: exact(begunAt + job * inputMs),
    startedAt,
    endedAt: exact(startedAt + run),
    runMs: exact(run),
    cpuMs: exact(0.97 * run),
    memoryBytes: 20_000_000 + 1_000_000 * (job % 7),
    node,
    slot: slot % slotsPerNode,
    ...plan.fields?.(job, node),
    core: "0".repeat(64),
  });
}

function exact(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
