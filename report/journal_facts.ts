/**
 * What the lines of a journal say, for a report. A journal may be old, or written by anybody: a field that is missing,
 * or is not what it should be, is not known.
 */

import { endingIn, type RunEnding } from "../controller/output/journal/run_ending.ts";

/** A job that has ended. Times are in milliseconds; those of the clock since 1970. */
export interface JobFacts {
  readonly kind: "job";
  /** The name of its input, which tells jobs apart. It may be as long as a line of a journal. */
  readonly input: string;
  /** The same, cut to a length that a page can show. */
  readonly name: string;
  readonly isDone: boolean;
  /** It was never sent, because its input could not be used. */
  readonly isUnused: boolean;
  /** Why it failed, without nodes. */
  readonly reason: string;
  /** The kind of failure, if it has one: `crash`, `memory`, … */
  readonly cause: string | undefined;
  /** The last lines that it printed, if it failed. */
  readonly printed: readonly string[];
  /** Where it ran: the name of a machine, or at least the address of a worker. */
  readonly node: string | undefined;
  readonly slot: number | undefined;
  readonly queuedAt: number | undefined;
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  /** When it had ended, also if nobody has measured how long it ran. */
  readonly answeredAt: number | undefined;
  /** The time in the core; in journals of builds before 0.1.0, from sending the job to its answer. */
  readonly runMs: number | undefined;
  /** Whether `runMs` is the time in the core alone. */
  readonly isMeasured: boolean;
  readonly cpuMs: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Attempts beside this one, which are not in the journal: earlier ones, copies and votes. */
  readonly otherAttempts: number;
}

/** A run has begun or ended. */
export interface RunFacts {
  readonly kind: "run";
  readonly event: "begun" | "ended";
  readonly at: number | undefined;
  /** How it has ended, if it says so. */
  readonly ending?: RunEnding | undefined;
}

/** A worker has joined or left. */
export interface WorkerFacts {
  readonly kind: "worker";
  readonly event: "joined" | "left";
  readonly node: string;
  readonly address: string;
  readonly slots: number;
  readonly reason: string;
  readonly at: number | undefined;
}

/** What a line says. `other`: nothing that a report shows. `newer`: it is of a later version of distcomp. */
export type LineFacts =
  | JobFacts
  | RunFacts
  | WorkerFacts
  | { readonly kind: "newer" }
  | { readonly kind: "other" };

type Fields = Readonly<Record<string, unknown>>;

const VERSION = 1;

/** Longer texts are cut: a report shows a million jobs, and a worker may send a reason of a megabyte. */
const NAME_CHARS_MAX = 500;
const REASON_CHARS_MAX = 500;
const PRINTED_LINES_MAX = 20;

/** The last time that a `Date` knows. */
const TIME_MAX = 8.64e15;

/** No job takes longer, and no worker has more slots: a hundred years, and a number that can be added up. */
const DURATION_MS_MAX = 100 * 365 * 86_400_000;
const SLOTS_MAX = 1_000_000;

/** No job is tried more often. */
const ATTEMPTS_MAX = 1_000_000;

const OTHER: LineFacts = { kind: "other" };

/** The facts in the object of a line. */
export function factsOf(fields: Fields): LineFacts {
  const { v, input, state, run, worker } = fields;
  if (typeof v === "number" && v > VERSION) return { kind: "newer" };
  if (v !== VERSION) return OTHER;
  if (typeof input === "string") {
    return state === "done" || state === "failed" ? jobFacts(fields, input, state) : OTHER;
  }
  if (run === "begun") return { kind: "run", event: run, at: timeOf(fields.at) };
  if (run === "ended") {
    return { kind: "run", event: run, at: timeOf(fields.at), ending: endingIn(fields) };
  }
  if (worker === "joined" || worker === "left") return workerFacts(fields, worker);
  return OTHER;
}

function jobFacts(fields: Fields, input: string, state: "done" | "failed"): JobFacts {
  const [startedAt, endedAt] = [timeOf(fields.startedAt), timeOf(fields.endedAt)];
  const span = startedAt !== undefined && endedAt !== undefined && endedAt >= startedAt
    ? endedAt - startedAt
    : undefined;
  return {
    kind: "job",
    input,
    name: cut(input, NAME_CHARS_MAX),
    isDone: state === "done",
    isUnused: state === "failed" && fields.attempt === 0,
    reason: reasonOf(fields),
    cause: textOf(fields.cause),
    printed: printedOf(fields.printed),
    node: textOf(fields.node) ?? textOf(fields.worker),
    slot: numberOf(fields.slot, SLOTS_MAX),
    queuedAt: timeOf(fields.queuedAt),
    startedAt: span === undefined ? undefined : startedAt,
    endedAt: span === undefined ? undefined : endedAt,
    answeredAt: endedAt ?? timeOf(fields.answeredAt),
    runMs: numberOf(fields.runMs, DURATION_MS_MAX) ?? span,
    isMeasured: fields.queueMs === undefined, // which builds before 0.1.0 wrote
    cpuMs: numberOf(fields.cpuMs, DURATION_MS_MAX),
    memoryBytes: numberOf(fields.memoryBytes, Number.MAX_SAFE_INTEGER),
    bytesIn: numberOf(fields.bytesIn, Number.MAX_SAFE_INTEGER) ?? 0,
    bytesOut: numberOf(fields.bytesOut, Number.MAX_SAFE_INTEGER) ?? 0,
    otherAttempts: Math.max(1, attemptsOf(fields.attempt), attemptsOf(fields.sent)) - 1,
  };
}

function workerFacts(fields: Fields, event: "joined" | "left"): WorkerFacts {
  const address = textOf(fields.address) ?? "";
  return {
    kind: "worker",
    event,
    node: textOf(fields.node) ?? address,
    address,
    slots: numberOf(fields.slots, SLOTS_MAX) ?? 0,
    reason: cut(textOf(fields.reason) ?? "", REASON_CHARS_MAX),
    at: timeOf(fields.at),
  };
}

function reasonOf({ reason, error, exitCode }: Fields): string {
  const text = textOf(reason) ?? textOf(error);
  if (text !== undefined) return cut(text, REASON_CHARS_MAX);
  return typeof exitCode === "number" ? `exit code ${exitCode}` : "unknown";
}

function printedOf(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.slice(-PRINTED_LINES_MAX)
    .filter((line) => typeof line === "string")
    .map((line) => cut(line, REASON_CHARS_MAX));
}

/** A time since 1970; runs of builds before 0.1.0 say it as text. */
function timeOf(value: unknown): number | undefined {
  return numberOf(typeof value === "string" ? Date.parse(value) : value, TIME_MAX);
}

function attemptsOf(value: unknown): number {
  return Math.floor(numberOf(value, ATTEMPTS_MAX) ?? 0);
}

function numberOf(value: unknown, max: number): number | undefined {
  return typeof value === "number" && value >= 0 && value <= max ? value : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? cut(value, NAME_CHARS_MAX) : undefined;
}

function cut(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax)}…`;
}
