/**
 * The protocol between a worker and its slots: the worker protocol with two more types of frames, which never
 * leave the machine. A core is sent as a path instead of its bytes.
 */

import { decodeStringAndBlob, encodeStringAndBlob } from "../protocol/mod.ts";

/** The first frame from a slot: it registers under the number that it was started with, which is the id. */
export const SLOT_REGISTER = 0x80;

/** From the worker: load the core at a path. The response is the same as to a "new compute core" message. */
export const SLOT_LOAD = 0x81;

/**
 * Bytes of a slot's shared memory. It holds two numbers: the id of the job that the slot started last and, if its
 * core dumps are kept, the index of that job in its run.
 */
export const SLOT_SHARED_BYTES = 16;

/** The argument of a slot whose memory the system may write to a file when it crashes. */
export const DUMPS_CORE = "dumps-core";

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
