/**
 * A line of the journal: a JSON object whose last field is a checksum of the text before it. Line in, record
 * out; docs/journal.md describes the format for others who read it.
 */

import type { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import type { FailureKindName } from "../../protocol/mod.ts";
import { checksumText } from "./checksum.ts";

/** What `v` is in the records that this program writes, and the highest that it reads. */
export const JOURNAL_VERSION = 1;

/** A worker may give a book as the reason of a failure; a line has to have an end. */
const ERROR_CHARS_MAX = 1024 * 1024;

/** A finished job. Times are in milliseconds, sizes in bytes. */
export interface JobRecord {
  readonly index: number;
  readonly input: string;
  readonly state: "done" | "failed";
  /** What the core returned, if it came to that. */
  readonly exitCode?: number;
  /** Why there is no result. */
  readonly error?: string;
  /** What kind of failure that is, if the core has not returned. */
  readonly cause?: FailureKindName;
  readonly worker?: string;
  /** Which sending of the job was the last; 1 for most, 0 for one that was never sent. */
  readonly attempt: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Checksum of the output, of a job that is done. */
  readonly crcOut?: string;
  /** From being read to being sent. */
  readonly queueMs: number;
  /** From being sent to being answered. */
  readonly runMs: number;
  /** Which state of the input it was; missing where the input could not be read. */
  readonly identity?: string | undefined;
}

/** A record as it was read: the core's SHA-256 is one of its fields. */
export interface ReadRecord extends JobRecord {
  readonly core: string;
}

/** What is noted of a run itself: that it begins, and that every output it has written has its record. */
export type RunEvent = "begun" | "ended";

/** What a line turns out to be. */
export type ReadLine =
  | { readonly kind: "record"; readonly record: ReadRecord }
  | { readonly kind: "run"; readonly event: RunEvent }
  | { readonly kind: "newer" }
  | { readonly kind: "damaged" };

const DAMAGED: ReadLine = { kind: "damaged" };
const NEWER: ReadLine = { kind: "newer" };

/** No text inside a record contains these: a quote that belongs to a text has a backslash before it. */
const LINE_START = '{"v":';
const CHECKSUM_START = ',"crc":"';

const CHECKSUM_DIGITS = 8;
const CHECKSUM_BYTES = CHECKSUM_START.length + CHECKSUM_DIGITS + '"}'.length;

/** How every line begins, and the checksum so far. */
const HEAD = `${LINE_START}${JOURNAL_VERSION},`;
const HEAD_CRC = crc32(HEAD);

/**
 * The line of a job that ran with the core of that SHA-256, with its line feed. Put together of pieces, as
 * every job has one: this costs half of what an object with all fields would.
 */
export function formatRecord(record: JobRecord, core: string): string {
  const fields = JSON.stringify(withBoundedError(record)).slice(1, -1);
  return lineOf(`${fields},"core":"${core}"`);
}

/** The line of a run itself, with its line feed. `host` and `pid` are for people. */
export function formatRunEvent(event: RunEvent, host: string, pid: number): string {
  const fields = JSON.stringify({ run: event, at: new Date().toISOString(), host, pid });
  return lineOf(fields.slice(1, -1));
}

function lineOf(fields: string): string {
  return `${HEAD}${fields}${CHECKSUM_START}${checksumText(crc32(fields, HEAD_CRC))}"}\n`;
}

/** What a record says of the job, to be written once more. */
export function jobOf(record: ReadRecord): JobRecord {
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
    return understand(JSON.parse(line.toString("utf8")));
  } catch {
    return DAMAGED; // a checksum that fits by chance
  }
}

/**
 * The record at the end of a damaged line, if there is a whole one: when a line feed is lost, the damage
 * before it must not cost the line behind it.
 */
export function parseTail(line: Buffer): ReadLine {
  const start = line.lastIndexOf(LINE_START);
  return start > 0 ? parseLine(line.subarray(start)) : DAMAGED;
}

function understand(value: Partial<ReadRecord> & { v?: unknown; run?: unknown }): ReadLine {
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

/** The end of a line: CRC-32, as zlib has it, of the UTF-8 text before it. */
function checksumOf(text: Buffer): string {
  return `${CHECKSUM_START}${checksumText(crc32(text))}"}`;
}
