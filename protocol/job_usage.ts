/** What a slot has measured of a job, in protocol version 2: the message that asks for it, and how answers carry it. */

import { MalformedPayloadError } from "./errors.ts";
import { encodeFrame, type Frame, MessageType, ResponseType } from "./frame.ts";
import { PayloadReader } from "./payload.ts";
import { readUint32, readUint64, type Uint64, writeUint64 } from "./uint64.ts";

/** Bytes of a usage: start (8), run time (8), CPU time (8), memory (8), slot (4). */
export const USAGE_BYTES = 36;

/** Where a usage has the number of its slot. */
const SLOT_AT = 32;

/** What a job has used, and when and where it ran. Times are in microseconds; 0 is unknown, but for the slot. */
export interface JobUsage {
  /** When the core's function began, on the monotonic clock of the worker's machine. */
  readonly startUs: number;
  /** How long it took. */
  readonly runUs: number;
  /** The CPU time of the slot's process meanwhile. */
  readonly cpuUs: number;
  /** The most memory that the slot's process had meanwhile. */
  readonly memoryBytes: number;
  /** The number of the slot in its worker, from 0 on. */
  readonly slot: number;
}

/** Encodes a "usage" as a whole frame: whether answers to jobs are to carry it. */
export function encodeUsageRequest(id: Uint64, isWanted: boolean): Uint8Array<ArrayBuffer> {
  const payload = Uint8Array.of(isWanted ? 1 : 0);
  return encodeFrame({ type: MessageType.usage, id, payload });
}

/** Decodes the payload of a "usage". */
export function decodeUsageRequest(payload: Uint8Array<ArrayBuffer>): boolean {
  const reader = new PayloadReader(payload, "Whether answers carry what jobs have used");
  const isWanted = reader.flag();
  reader.end();
  return isWanted;
}

/** Writes a usage at `at`. Times are rounded up, so that what was measured is never 0. */
export function writeUsage(view: DataView, at: number, usage: JobUsage): void {
  writeUint64(view, at, Math.ceil(usage.startUs));
  writeUint64(view, at + 8, Math.ceil(usage.runUs));
  writeUint64(view, at + 16, Math.ceil(usage.cpuUs));
  writeUint64(view, at + 24, usage.memoryBytes);
  view.setUint32(at + SLOT_AT, usage.slot, true);
}

/** A usage as bytes. */
export function encodeUsage(usage: JobUsage): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(USAGE_BYTES);
  writeUsage(new DataView(bytes.buffer), 0, usage);
  return bytes;
}

/** The number of the slot in the usage at the beginning of a payload, which is `bytes` or a part of it. */
export function readUsageSlot(bytes: Uint8Array, at = 0, byteLength = bytes.byteLength): number {
  if (byteLength < USAGE_BYTES) {
    throw new MalformedPayloadError(
      `A payload of ${byteLength} bytes is too short for what a job has used`,
    );
  }
  return readUint32(bytes, at + SLOT_AT);
}

/** Reads the usage at `at`. Whether it makes sense has to be checked. */
export function readUsage(bytes: Uint8Array, at = 0): JobUsage {
  const slot = readUsageSlot(bytes, at, bytes.byteLength - at);
  return {
    startUs: Number(readUint64(bytes, at)),
    runUs: Number(readUint64(bytes, at + 8)),
    cpuUs: Number(readUint64(bytes, at + 16)),
    memoryBytes: Number(readUint64(bytes, at + 24)),
    slot,
  };
}

/** The response of the same kind without the usage: what follows it in the payload. */
export function withoutUsage({ type, id, payload }: Frame): Frame {
  const { buffer, byteOffset, byteLength } = payload;
  readUsageSlot(payload); // checks its length
  const rest = new Uint8Array(buffer, byteOffset + USAGE_BYTES, byteLength - USAGE_BYTES);
  const isError = type === ResponseType.errorWithUsage;
  return { type: isError ? ResponseType.kindError : ResponseType.ok, id, payload: rest };
}
