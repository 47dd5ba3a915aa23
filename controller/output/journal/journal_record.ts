/**
 * Formats and parses a line of the journal: a JSON object whose last field is a checksum of the text before it.
 * docs/journal.md describes the format for other programs.
 */

import type { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import type { FailureKindName } from "../../../protocol/mod.ts";
import { checksumText } from "./checksum.ts";
import { endingIn, type RunEnding } from "./run_ending.ts";

/** The format's version: `v` in the lines that this program writes, and the highest that it reads. */
export const JOURNAL_VERSION = 1;

/** A worker may send a reason of any length, but a line of the journal must stay readable. */
const ERROR_CHARS_MAX = 1024 * 1024;

/** The same of the reason why a worker has left, which may be an error text that it has sent. */
const REASON_CHARS_MAX = 1024;

/** When and where a job ran, and what it used. Times are in milliseconds since 1970. */
export interface JobTimes {
  /** When its input was read, and it was queued. */
  readonly queuedAt?: number;
  /** When the core's function began and returned, if its worker has measured that. */
  readonly startedAt?: number | undefined;
  readonly endedAt?: number | undefined;
  /** When the answer came, if nobody has measured the job. */
  readonly answeredAt?: number | undefined;
  /** How long the core's function took. */
  readonly runMs?: number | undefined;
  readonly cpuMs?: number | undefined;
  /** The most memory that the process of its slot had. */
  readonly memoryBytes?: number | undefined;
  /** The name of the worker's machine, or the one that its owner has given it. */
  readonly node?: string | undefined;
  /** The number of its slot in its worker, from 0 on. */
  readonly slot?: number | undefined;
}

/** A finished job. Sizes are in bytes. */
export interface JobRecord extends JobTimes {
  readonly index: number;
  readonly input: string;
  readonly state: "done" | "failed";
  /** The core's return value, if it returned. */
  readonly exitCode?: number;
  /** Why there is no result. */
  readonly error?: string;
  /** The same without nodes, if it names any: jobs that fail alike have the same one. */
  readonly reason?: string;
  /** The kind of failure, if the core did not return. */
  readonly cause?: FailureKindName;
  /** What a failed job printed last: a worker keeps about 20 lines of it. */
  readonly printed?: readonly string[];
  readonly worker?: string;
  /** The number of the last attempt; 0 if the input could not be read. */
  readonly attempt: number;
  /** How often the job was sent in all, if copies of it were besides. */
  readonly sent?: number | undefined;
  /** Whether two workers have given this output. Otherwise, it is missing. */
  readonly verified?: boolean | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Checksum of the output, if the job is done. */
  readonly crcOut?: string;
  /** The input's identity; missing if the input could not be read. */
  readonly identity?: string | undefined;
  /** The path of the input, where the output has another name. */
  readonly file?: string | undefined;
  /** The beginning of the line that is the input. */
  readonly line?: string | undefined;
  /** The input's content, as an identity; only with `--checksum`. */
  readonly content?: string | undefined;
  /** Where the entry of the output begins in the pack, and its size; only with `--pack`. */
  readonly packAt?: number | undefined;
  readonly packBytes?: number | undefined;
  /** Whether a file stays that has the name of the output, although the job has failed: no run has written it. */
  readonly kept?: boolean;
}

/** The record of a job that has failed. */
export type FailedRecord = JobRecord & { readonly state: "failed" };

/** A record that was read, with the core's SHA-256. */
export interface ReadRecord extends JobRecord {
  readonly core: string;
}

/** `begun`: a run begins. `ended`: it has ended, and each output that it wrote has its record. */
export type RunEvent = "begun" | "ended";

/** A worker has joined the run, or left it. */
export interface WorkerEvent {
  readonly worker: "joined" | "left";
  readonly node: string;
  /** Where it was dialed, or where it has dialed from. */
  readonly address: string;
  /** Of one that has joined, if it says how many it has. */
  readonly slots?: number | undefined;
  /** Why it has left. */
  readonly reason?: string;
}

/** The content of a line. */
export type ReadLine =
  | { readonly kind: "record"; readonly record: ReadRecord }
  | {
    readonly kind: "run";
    readonly event: RunEvent;
    readonly ending?: RunEnding | undefined;
  }
  /** About a worker. Nothing depends on it. */
  | { readonly kind: "worker" }
  | { readonly kind: "newer" }
  | { readonly kind: "damaged" };

/** What is looked at by itself. */
type Required = "input" | "state" | "attempt" | "bytesOut" | "printed";

/** What the value of a field is. */
type FieldType = "number" | "string" | "boolean";

/** The other fields of a record. It need not have them. If one has another type, nothing in the line can be trusted. */
const TYPES: Readonly<Record<Exclude<keyof JobRecord, Required>, FieldType>> = {
  index: "number",
  exitCode: "number",
  error: "string",
  reason: "string",
  cause: "string",
  worker: "string",
  sent: "number",
  verified: "boolean",
  bytesIn: "number",
  crcOut: "string",
  identity: "string",
  file: "string",
  line: "string",
  content: "string",
  packAt: "number",
  packBytes: "number",
  queuedAt: "number",
  startedAt: "number",
  endedAt: "number",
  answeredAt: "number",
  runMs: "number",
  cpuMs: "number",
  memoryBytes: "number",
  node: "string",
  slot: "number",
  kept: "boolean",
};
const TYPED_FIELDS = Object.entries(TYPES) as [keyof typeof TYPES, FieldType][];

const DAMAGED: ReadLine = { kind: "damaged" };
const NEWER: ReadLine = { kind: "newer" };
const WORKER: ReadLine = { kind: "worker" };

/** No string in a record contains these, because JSON escapes quotes. */
const LINE_START = '{"v":';
const CHECKSUM_START = ',"crc":"';

const CHECKSUM_DIGITS = 8;
const CHECKSUM_BYTES = CHECKSUM_START.length + CHECKSUM_DIGITS + '"}'.length;

/** The beginning of every line, and its checksum. */
const HEAD = `${LINE_START}${JOURNAL_VERSION},`;
const HEAD_CRC = crc32(HEAD);

/**
 * Formats the line of a job, with its line feed. `core` is the core's SHA-256. It is appended as text because
 * this runs for every job, and copying the record into a new object would double the cost.
 */
export function formatRecord(record: JobRecord, core: string): string {
  const fields = JSON.stringify(withBoundedError(record)).slice(1, -1);
  return lineOf(`${fields},"core":"${core}"`);
}

/**
 * Formats the line of a run event, with its line feed. `host`, `pid` and `atMs` (since 1970) are for the reader.
 * `ending`: how it has ended, if it had begun with jobs.
 */
export function formatRunEvent(
  event: RunEvent,
  host: string,
  pid: number,
  atMs: number,
  ending?: RunEnding,
): string {
  const fields = JSON.stringify({ run: event, at: atMs, host, pid, ...ending });
  return lineOf(fields.slice(1, -1));
}

/** Formats the line of a worker, with its line feed. `atMs`: since 1970. */
export function formatWorkerEvent(event: WorkerEvent, atMs: number): string {
  const { worker, node, address, slots, reason } = event;
  const why = reason?.slice(0, REASON_CHARS_MAX);
  const fields = JSON.stringify({ worker, node, address, slots, reason: why, at: atMs });
  return lineOf(fields.slice(1, -1));
}

function lineOf(fields: string): string {
  return `${HEAD}${fields}${CHECKSUM_START}${checksumText(crc32(fields, HEAD_CRC))}"}\n`;
}

/** Converts a record that was read into one that can be written again. */
export function toJobRecord(record: ReadRecord): JobRecord {
  const { v: _version, core: _core, crc: _crc, ...job } = record as ReadRecord & {
    readonly v: unknown;
    readonly crc: unknown;
  };
  return job;
}

function withBoundedError(record: JobRecord): JobRecord {
  if (record.error === undefined || record.error.length <= ERROR_CHARS_MAX) return record;
  return { ...record, error: record.error.slice(0, ERROR_CHARS_MAX) };
}

/** Parses a line without its line feed. */
export function parseLine(line: Buffer): ReadLine {
  const value = checkedValue(line);
  return value ? interpret(value) : DAMAGED;
}

/** The object in a line, whatever it is about; `undefined` if the line is damaged. */
export function checkedValue(line: Buffer): Readonly<Record<string, unknown>> | undefined {
  const end = line.byteLength - CHECKSUM_BYTES;
  if (end <= 0 || line.toString("latin1", end) !== checksumOf(line.subarray(0, end))) {
    return undefined;
  }
  try {
    return JSON.parse(line.toString("utf8"));
  } catch {
    return undefined; // the checksum matched by chance
  }
}

/**
 * The record at the end of a damaged line, if there is a complete one. Damage to a line feed joins two lines, and
 * the second one must not be lost.
 */
export function parseTail(line: Buffer): ReadLine {
  const tail = tailOf(line);
  return tail ? parseLine(tail) : DAMAGED;
}

/** The end of a line that is damaged, from where a line may begin. */
export function tailOf(line: Buffer): Buffer | undefined {
  const start = line.lastIndexOf(LINE_START);
  return start > 0 ? line.subarray(start) : undefined;
}

function interpret(value: Partial<ReadRecord> & { v?: unknown; run?: unknown }): ReadLine {
  if (typeof value.v === "number" && value.v > JOURNAL_VERSION) return NEWER;
  const { v, input, state, core, bytesOut, attempt, run } = value;
  if (v === JOURNAL_VERSION && (run === "begun" || run === "ended")) {
    const ending = run === "ended" ? endingIn(value as Record<string, unknown>) : undefined;
    return { kind: "run", event: run, ending };
  }
  if (v === JOURNAL_VERSION && input === undefined && isWorkerEvent(value.worker)) return WORKER;
  const isRecord = v === JOURNAL_VERSION && typeof input === "string" &&
    (state === "done" || state === "failed") && typeof core === "string" &&
    Number.isSafeInteger(bytesOut) && Number.isSafeInteger(attempt) && hasItsTypes(value);
  return isRecord ? { kind: "record", record: value as ReadRecord } : DAMAGED;
}

function hasItsTypes(value: Partial<ReadRecord>): boolean {
  const { printed = [] } = value;
  return TYPED_FIELDS.every(([name, type]) =>
    value[name] === undefined || typeof value[name] === type
  ) && Array.isArray(printed) && printed.every((line) => typeof line === "string");
}

function isWorkerEvent(worker: unknown): worker is WorkerEvent["worker"] {
  return worker === "joined" || worker === "left";
}

/** The end of a line: the CRC-32 of the UTF-8 text before it. */
function checksumOf(text: Buffer): string {
  return `${CHECKSUM_START}${checksumText(crc32(text))}"}`;
}
