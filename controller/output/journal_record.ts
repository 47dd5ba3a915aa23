/**
 * A line of the journal: a JSON object whose last field is a checksum of the text before it. Line in, record
 * out; docs/journal.md describes the format for others who read it.
 */

import type { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import type { FailureKindName } from "../../protocol/mod.ts";
import { checksumText } from "./checksum.ts";

/** The format's version: `v` in the lines that this program writes, and the highest that it reads. */
export const JOURNAL_VERSION = 1;

/** A worker may send any text as the reason of a failure; a line has to stay readable. */
const ERROR_CHARS_MAX = 1024 * 1024;

/** A finished job. Times are in milliseconds, sizes in bytes. */
export interface JobRecord {
  readonly index: number;
  readonly input: string;
  readonly state: "done" | "failed";
  /** What the core returned, if it returned. */
  readonly exitCode?: number;
  /** Why there is no result. */
  readonly error?: string;
  /** The kind of failure, if the core did not return. */
  readonly cause?: FailureKindName;
  readonly worker?: string;
  /** How often the job was sent; 0 if its input could not be read. */
  readonly attempt: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Checksum of the output, if the job is done. */
  readonly crcOut?: string;
  /** From when the input was read to when the job was sent. */
  readonly queueMs: number;
  /** From when the job was sent to its answer. */
  readonly runMs: number;
  /** Which state of the input this was; missing if the input could not be read. */
  readonly identity?: string | undefined;
}

/** A record as it was read, with the core's SHA-256. */
export interface ReadRecord extends JobRecord {
  readonly core: string;
}

/** A run begins; or it has ended, and each output that it wrote has its record. */
export type RunEvent = "begun" | "ended";

/** What a line is. */
export type ReadLine =
  | { readonly kind: "record"; readonly record: ReadRecord }
  | { readonly kind: "run"; readonly event: RunEvent }
  | { readonly kind: "newer" }
  | { readonly kind: "damaged" };

const DAMAGED: ReadLine = { kind: "damaged" };
const NEWER: ReadLine = { kind: "newer" };

/** No text in a record contains these: JSON puts a backslash before each quote in a text. */
const LINE_START = '{"v":';
const CHECKSUM_START = ',"crc":"';

const CHECKSUM_DIGITS = 8;
const CHECKSUM_BYTES = CHECKSUM_START.length + CHECKSUM_DIGITS + '"}'.length;

/** How every line begins, and its checksum. */
const HEAD = `${LINE_START}${JOURNAL_VERSION},`;
const HEAD_CRC = crc32(HEAD);

/**
 * The line of a job that ran with the core of that SHA-256, with its line feed. The core is added as text,
 * because every job has such a line: an object with all fields would cost twice as much.
 */
export function formatRecord(record: JobRecord, core: string): string {
  const fields = JSON.stringify(withBoundedError(record)).slice(1, -1);
  return lineOf(`${fields},"core":"${core}"`);
}

/** The line of a run itself, with its line feed. `host`, `pid` and the time (`atMs`, since 1970) are for people. */
export function formatRunEvent(event: RunEvent, host: string, pid: number, atMs: number): string {
  const fields = JSON.stringify({ run: event, at: new Date(atMs).toISOString(), host, pid });
  return lineOf(fields.slice(1, -1));
}

function lineOf(fields: string): string {
  return `${HEAD}${fields}${CHECKSUM_START}${checksumText(crc32(fields, HEAD_CRC))}"}\n`;
}

/** A record to be written again. */
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

/** Reads a line without its line feed. */
export function parseLine(line: Buffer): ReadLine {
  const end = line.byteLength - CHECKSUM_BYTES;
  if (end <= 0 || line.toString("latin1", end) !== checksumOf(line.subarray(0, end))) {
    return DAMAGED;
  }
  try {
    return interpret(JSON.parse(line.toString("utf8")));
  } catch {
    return DAMAGED; // the checksum matches by chance
  }
}

/**
 * The record at the end of a damaged line, if there is a whole one: damage that includes a line feed must not
 * cost the next line.
 */
export function parseTail(line: Buffer): ReadLine {
  const start = line.lastIndexOf(LINE_START);
  return start > 0 ? parseLine(line.subarray(start)) : DAMAGED;
}

function interpret(value: Partial<ReadRecord> & { v?: unknown; run?: unknown }): ReadLine {
  if (typeof value.v === "number" && value.v > JOURNAL_VERSION) return NEWER;
  const { v, input, state, core, bytesOut, attempt, run } = value;
  if (v === JOURNAL_VERSION && (run === "begun" || run === "ended")) {
    return { kind: "run", event: run };
  }
  const isRecord = v === JOURNAL_VERSION && typeof input === "string" &&
    (state === "done" || state === "failed") && typeof core === "string" &&
    Number.isSafeInteger(bytesOut) && Number.isSafeInteger(attempt);
  return isRecord ? { kind: "record", record: value as ReadRecord } : DAMAGED;
}

/** The end of a line: the CRC-32 of the UTF-8 text before it. */
function checksumOf(text: Buffer): string {
  return `${CHECKSUM_START}${checksumText(crc32(text))}"}`;
}
