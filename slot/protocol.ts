/**
 * The protocol between a worker and its slots: the worker protocol with seven more types of frames (0x80 to
 * 0x86), which never leave the machine. A core is sent as a path instead of its bytes.
 */

import {
  decodeStringAndBlob,
  encodeStringAndBlob,
  type JobUsage,
  MalformedPayloadError,
  readInt32,
  readUint32,
  readUint64,
  readUsage,
  type Uint64,
  USAGE_BYTES,
  writeUint64,
  writeUsage,
} from "../protocol/mod.ts";
import type { InheritedMemory } from "../runtime/ports.ts";

/** The first frame from a slot: it registers under the ticket that it was started with, which is the id. */
export const SLOT_REGISTER = 0x80;

/** From the worker: load the core at a path. The response is the same as to a "new compute core" message. */
export const SLOT_LOAD = 0x81;

/** The id of that frame. Job messages have dispatch ids, which begin at 1. */
export const SLOT_LOAD_ID = 0;

/**
 * From the slot, before the response with the same id: a mark stands in the slot's output behind what was printed
 * until then. The response counts when the mark has been read.
 */
export const SLOT_MARKED = 0x82;

/** From the slot, before it loads a core: it has taken the memory that it shares with the worker. */
export const SLOT_HAS_MEMORY = 0x83;

/** From the worker: a job whose payload is in shared memory. The payload of this frame is a `SharedJob`. */
export const SLOT_SHARED_JOB = 0x84;

/** From the slot: a job has ended, and its output is in shared memory. The payload is a `SharedOutput`. */
export const SLOT_SHARED_OUTPUT = 0x85;

/** From the worker: the region for outputs with this index, which is the id, is free again. */
export const SLOT_OUTPUT_TAKEN = 0x86;

/**
 * A mark in the output of a slot: the job with this id has ended, and printed what stands before. It begins with a
 * line feed, because a job need not end its last line. A core may print the same: then only its own lines count as
 * those of another job.
 */
export function encodeJobMark(id: number): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`\n${MARK_START}${id}${MARK_END}\n`);
}

const MARK_START = "\0distcomp job ";
const MARK_END = "\0";

/** The id in a line that is a mark. */
export function jobMarkIn(line: string): number | undefined {
  if (!line.startsWith(MARK_START) || !line.endsWith(MARK_END)) return undefined;
  return Number(line.slice(MARK_START.length, -MARK_END.length));
}

/** The file that is a slot's shared memory. It exists until the slot has registered. */
export function sharedPath(socketPath: string, number: number): string {
  return `${socketPath}-${number}`;
}

/** Encodes the payload of `SLOT_LOAD`. */
export function encodeLoad(name: string, path: string): Uint8Array<ArrayBuffer> {
  return encodeStringAndBlob(name, new TextEncoder().encode(path));
}

/** Decodes the payload of `SLOT_LOAD`. */
export function decodeLoad(payload: Uint8Array<ArrayBuffer>): { name: string; path: string } {
  const { text, blob } = decodeStringAndBlob(payload);
  return { name: text, path: new TextDecoder().decode(blob) };
}

/** A job whose input is in shared memory. */
export interface SharedJob {
  /** Where the input is, a multiple of 64. */
  readonly at: number;
  readonly bytes: number;
  /** The index of the job in its run. */
  readonly index: Uint64;
}

/** Each payload is written before the next one is encoded: a buffer for each would be most of what it costs. */
const sharedJob = new DataView(new ArrayBuffer(24));
const sharedJobBytes = new Uint8Array(sharedJob.buffer);

/** Encodes the payload of `SLOT_SHARED_JOB`. It is valid until the next call. */
export function encodeSharedJob({ at, bytes, index }: SharedJob): Uint8Array<ArrayBuffer> {
  writeUint64(sharedJob, 0, at);
  writeUint64(sharedJob, 8, bytes);
  writeUint64(sharedJob, 16, index);
  return sharedJobBytes;
}

/** Decodes it. */
export function decodeSharedJob(payload: Uint8Array<ArrayBuffer>): SharedJob {
  return {
    at: readUint64(payload, 0) as number,
    bytes: readUint64(payload, 8) as number,
    index: readUint64(payload, 16),
  };
}

/** The output of a job that is in shared memory. */
export interface SharedOutput {
  /** The index of its region. */
  readonly region: number;
  readonly bytes: number;
  readonly exitCode: number;
  readonly usage: JobUsage;
}

/** Bytes before the usage: region (4), bytes (8), exit code (4). */
const SHARED_OUTPUT_PREFIX_BYTES = 16;

const sharedOutput = new DataView(new ArrayBuffer(SHARED_OUTPUT_PREFIX_BYTES + USAGE_BYTES));
const sharedOutputBytes = new Uint8Array(sharedOutput.buffer);

/** Encodes the payload of `SLOT_SHARED_OUTPUT`. It is valid until the next call. */
export function encodeSharedOutput(output: SharedOutput): Uint8Array<ArrayBuffer> {
  writeUsage(sharedOutput, SHARED_OUTPUT_PREFIX_BYTES, output.usage);
  sharedOutput.setUint32(0, output.region, true);
  writeUint64(sharedOutput, 4, output.bytes);
  sharedOutput.setInt32(12, output.exitCode, true);
  return sharedOutputBytes;
}

/** Decodes it. Whether it makes sense has to be checked: a core can write to the socket of its slot. */
export function decodeSharedOutput(payload: Uint8Array<ArrayBuffer>): SharedOutput {
  if (payload.byteLength !== SHARED_OUTPUT_PREFIX_BYTES + USAGE_BYTES) {
    throw new MalformedPayloadError(`A slot describes an output in ${payload.byteLength} bytes`);
  }
  return {
    region: readUint32(payload, 0),
    bytes: Number(readUint64(payload, 4)),
    exitCode: readInt32(payload, 12),
    usage: readUsage(payload.subarray(SHARED_OUTPUT_PREFIX_BYTES)),
  };
}

/** How a slot is started. */
export interface SlotStart {
  readonly number: number;
  /** Which slot of its worker it is, from 0 on. */
  readonly slot: number;
  /** What it proves itself with when it connects: another process that knows the socket cannot take its place. */
  readonly ticket: number;
  /** The CPUs that it binds itself to, as Linux writes them. */
  readonly cpus?: string | undefined;
  /** Whether the system may write its memory to a file when it crashes. */
  readonly dumpsCore: boolean;
  /** Whether it notes in its shared memory that it has called `exit`. */
  readonly notesExit?: boolean | undefined;
  /** The memory that it shares with its worker, if there is any. */
  readonly memory?: InheritedMemory | undefined;
}
