/**
 * The protocol between a worker and its slots: the worker protocol with two more types of frames, which never
 * leave the machine. A core is sent as a path instead of its bytes.
 */

import { decodeStringAndBlob, encodeStringAndBlob } from "../protocol/mod.ts";

/** The first frame from a slot: it registers under the ticket that it was started with, which is the id. */
export const SLOT_REGISTER = 0x80;

/** From the worker: load the core at a path. The response is the same as to a "new compute core" message. */
export const SLOT_LOAD = 0x81;

/**
 * From the slot, before the response with the same id: a mark stands in the slot's output behind what was printed
 * until then. The response counts when the mark has been read.
 */
export const SLOT_MARKED = 0x82;

/**
 * Bytes of a slot's shared memory. The first number is the id of the job that the slot started last. The second is
 * written by the worker: not 0 while the core prints nothing, so that its jobs need no marks. The third is the index
 * of the started job in its run, if core dumps are kept. The next two are the addresses between which the stack can
 * overflow. Then comes a number that is not 0 after the process has called `exit`, if it notes that. What the system
 * tells about a bad memory access follows, and is the last that the process writes.
 */
export const SLOT_SHARED_BYTES = 72;
export const SLOT_EXIT_AT = 40;
export const SLOT_FAULT_AT = 48;

/** Where the worker writes the second number. */
export const SLOT_QUIET_AT = 8;

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

/** How a slot is started. */
export interface SlotStart {
  readonly number: number;
  /** What it proves itself with when it connects: another process that knows the socket cannot take its place. */
  readonly ticket: number;
  /** The CPUs that it binds itself to, as Linux writes them. */
  readonly cpus?: string | undefined;
  /** Whether the system may write its memory to a file when it crashes. */
  readonly dumpsCore: boolean;
  /** Whether it notes in its shared memory that it has called `exit`. */
  readonly notesExit?: boolean | undefined;
}
