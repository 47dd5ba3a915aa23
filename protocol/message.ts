/** The messages of protocol version 1 and their responses: payload bytes to values and back. */

import { MalformedPayloadError, UnknownTypeError } from "./errors.ts";
import { encodeFrame, type Frame, MessageType, ResponseType } from "./frame.ts";
import {
  ERROR_TEXT_BYTES_MAX,
  ERROR_TEXT_RECEIVED_BYTES_MAX,
  JOB_PREFIX_BYTES,
  JOB_RESULT_PREFIX_BYTES,
} from "./limits.ts";
import { readUint64, type Uint64, writeUint64 } from "./uint64.ts";

/** The protocol version of this file; the messages that version 2 adds are in `message_2.ts`. */
export const PROTOCOL_VERSION = 1;

/** What a controller may say. `id` names the message in its response. */
export type Message =
  | { readonly type: "version"; readonly id: Uint64; readonly version: number }
  | {
    readonly type: "core";
    readonly id: Uint64;
    readonly name: string;
    readonly content: Uint8Array<ArrayBuffer>;
  }
  | {
    readonly type: "job";
    readonly id: Uint64;
    readonly job: Uint64;
    readonly input: Uint8Array<ArrayBuffer>;
  };

/** What a compute core made of a job. */
export interface JobResult {
  /** What `worker_run_job` returned; 0 is success. */
  readonly exitCode: number;
  readonly output: Uint8Array<ArrayBuffer>;
}

const utf8 = new TextEncoder();
const utf8Strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8Lenient = new TextDecoder("utf-8", { ignoreBOM: true });

/** Bytes of a whole version exchange. */
export function encodeVersion(id: Uint64, version: number): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(4);
  viewOf(payload).setUint32(0, version, true);
  return encodeFrame({ type: MessageType.version, id, payload });
}

/** A payload that is a string, then a blob. */
export function encodeStringAndBlob(text: string, blob: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = encodeCoreHead(text, blob.byteLength);
  const payload = new Uint8Array(head.byteLength + blob.byteLength);
  payload.set(head);
  payload.set(blob, head.byteLength);
  return payload;
}

/** What stands before the content in a "new compute core" message. */
export function encodeCoreHead(name: string, contentBytes: number): Uint8Array<ArrayBuffer> {
  const nameBytes = utf8.encode(name);
  const head = new Uint8Array(16 + nameBytes.byteLength);
  const view = viewOf(head);
  writeUint64(view, 0, nameBytes.byteLength);
  head.set(nameBytes, 8);
  writeUint64(view, 8 + nameBytes.byteLength, contentBytes);
  return head;
}

/** Bytes of a whole job message. */
export function encodeJob(id: Uint64, job: Uint64, input: Uint8Array): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(JOB_PREFIX_BYTES + input.byteLength);
  const view = viewOf(payload);
  writeUint64(view, 0, job);
  writeUint64(view, 8, input.byteLength);
  payload.set(input, JOB_PREFIX_BYTES);
  return encodeFrame({ type: MessageType.job, id, payload });
}

/** Bytes of a whole response to a version exchange. */
export function encodeVersionResponse(id: Uint64, accepted: boolean): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type: ResponseType.ok, id, payload: Uint8Array.of(accepted ? 1 : 0) });
}

/** Bytes of a whole response to a "new compute core" message. */
export function encodeCoreResponse(id: Uint64): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type: ResponseType.ok, id, payload: new Uint8Array(0) });
}

/** Bytes of a whole successful response to a job message. */
export function encodeJobResponse(id: Uint64, result: JobResult): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(JOB_RESULT_PREFIX_BYTES + result.output.byteLength);
  const view = viewOf(payload);
  view.setInt32(0, result.exitCode, true);
  writeUint64(view, 4, result.output.byteLength);
  payload.set(result.output, JOB_RESULT_PREFIX_BYTES);
  return encodeFrame({ type: ResponseType.ok, id, payload });
}

/** Bytes of a whole error response. A text beyond 4 KiB is cut, between two characters. */
export function encodeError(id: Uint64, text: string): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(ERROR_TEXT_BYTES_MAX);
  const { written } = utf8.encodeInto(text, payload);
  return encodeFrame({ type: ResponseType.error, id, payload: payload.subarray(0, written) });
}

/**
 * What a frame from a controller says. Throws `UnknownTypeError` or `MalformedPayloadError`; both leave
 * the connection usable.
 */
export function decodeMessage(frame: Frame): Message {
  const { type, id, payload } = frame;
  switch (type) {
    case MessageType.version:
      return { type: "version", id, version: decodeVersion(payload) };
    case MessageType.core: {
      const { text, blob } = decodeStringAndBlob(payload);
      return { type: "core", id, name: text, content: blob };
    }
    case MessageType.job:
      checkJob(payload);
      return {
        type: "job",
        id,
        job: readUint64(viewOf(payload), 0),
        input: payload.subarray(JOB_PREFIX_BYTES),
      };
    default:
      throw new UnknownTypeError("message", type);
  }
}

function decodeVersion(payload: Uint8Array): number {
  if (payload.byteLength !== 4) {
    throw new MalformedPayloadError(
      `A version exchange has 4 bytes of payload, this one ${payload.byteLength}`,
    );
  }
  return viewOf(payload).getUint32(0, true);
}

/** Checks a job message's payload without taking it apart: for those who only pass it on. */
export function checkJob(payload: Uint8Array): void {
  checkBlobToEnd(payload, 8, "a job's input");
}

/** Takes a payload apart that is a string, then a blob. */
export function decodeStringAndBlob(
  payload: Uint8Array<ArrayBuffer>,
): { text: string; blob: Uint8Array<ArrayBuffer> } {
  const view = viewOf(payload);
  const textBytes = payload.byteLength < 8 ? Infinity : Number(readUint64(view, 0));
  if (textBytes > payload.byteLength - 8) {
    throw new MalformedPayloadError("The name of a compute core reaches past its payload");
  }
  const blobAt = 8 + textBytes;
  checkBlobToEnd(payload, blobAt, "a compute core's content");
  return {
    text: decodeStrictly(payload.subarray(8, blobAt)),
    blob: payload.subarray(blobAt + 8),
  };
}

function decodeStrictly(bytes: Uint8Array): string {
  try {
    return utf8Strict.decode(bytes);
  } catch (cause) {
    throw new MalformedPayloadError("The name of a compute core is not valid UTF-8", { cause });
  }
}

/** The answer to a version exchange: whether the worker takes the version. */
export function decodeVersionResponse(payload: Uint8Array): boolean {
  const accepted = payload[0];
  if (payload.byteLength !== 1 || accepted === undefined || accepted > 1) {
    throw new MalformedPayloadError("The response to a version exchange is one byte, 0 or 1");
  }
  return accepted === 1;
}

/** The answer to a "new compute core" message: nothing. */
export function decodeCoreResponse(payload: Uint8Array): void {
  if (payload.byteLength !== 0) {
    throw new MalformedPayloadError(
      `The response to a new compute core is empty, this one has ${payload.byteLength} bytes`,
    );
  }
}

/** The successful answer to a job. */
export function decodeJobResponse(payload: Uint8Array<ArrayBuffer>): JobResult {
  checkBlobToEnd(payload, 4, "a job's output");
  return {
    exitCode: viewOf(payload).getInt32(0, true),
    output: payload.subarray(JOB_RESULT_PREFIX_BYTES),
  };
}

/**
 * The text of an error response, at most 64 KiB of it. Bytes that are no UTF-8 become U+FFFD: a poor
 * message beats none.
 */
export function decodeError(payload: Uint8Array): string {
  return utf8Lenient.decode(payload.subarray(0, ERROR_TEXT_RECEIVED_BYTES_MAX));
}

/** Throws unless a blob's length stands at `at` and the blob ends where the payload ends. */
function checkBlobToEnd(payload: Uint8Array, at: number, what: string): void {
  const room = payload.byteLength - at - 8;
  if (room < 0) {
    throw new MalformedPayloadError(
      `The payload has ${payload.byteLength} bytes, too few for ${what}`,
    );
  }
  const blobBytes = readUint64(viewOf(payload), at);
  if (blobBytes !== room) {
    throw new MalformedPayloadError(
      `The length of ${what} says ${blobBytes} bytes, the payload holds ${room}`,
    );
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
