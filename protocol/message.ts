/** Encodes and decodes the messages of protocol version 1 and their responses. */

import { MalformedPayloadError, UnknownTypeError } from "./errors.ts";
import { encodeFrame, type Frame, MessageType, ResponseType } from "./frame.ts";
import type { FrameSpan } from "./frame_span.ts";
import {
  ERROR_TEXT_BYTES_MAX,
  ERROR_TEXT_RECEIVED_BYTES_MAX,
  JOB_PREFIX_BYTES,
  JOB_RESULT_PREFIX_BYTES,
} from "./limits.ts";
import { NO_PAYLOAD, PayloadReader, PayloadWriter } from "./payload.ts";
import { readInt32, readUint64, type Uint64 } from "./uint64.ts";

/** What a controller may send. A response repeats the `id` of its message. */
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

/** The result of a job. */
export interface JobResult {
  /** What `worker_run_job` returned; 0 is success. */
  readonly exitCode: number;
  readonly output: Uint8Array<ArrayBuffer>;
}

const utf8 = new TextEncoder();
const utf8Lenient = new TextDecoder("utf-8", { ignoreBOM: true });

/** Encodes a version exchange as a whole frame. */
export function encodeVersion(id: Uint64, version: number): Uint8Array<ArrayBuffer> {
  const payload = new PayloadWriter().uint32(version).bytes();
  return encodeFrame({ type: MessageType.version, id, payload });
}

/** Encodes a payload of a string and a blob. */
export function encodeStringAndBlob(text: string, blob: Uint8Array): Uint8Array<ArrayBuffer> {
  return new PayloadWriter().string(text).blob(blob).bytes();
}

/** Encodes the part of a "new compute core" message's payload before the content. */
export function encodeCoreHead(name: string, contentBytes: number): Uint8Array<ArrayBuffer> {
  return new PayloadWriter().string(name).uint64(contentBytes).bytes();
}

/** Encodes the response to a version exchange as a whole frame. */
export function encodeVersionResponse(id: Uint64, accepted: boolean): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type: ResponseType.ok, id, payload: Uint8Array.of(accepted ? 1 : 0) });
}

/** Encodes the response to a "new compute core" message as a whole frame. */
export function encodeCoreResponse(id: Uint64): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type: ResponseType.ok, id, payload: NO_PAYLOAD });
}

/** Encodes an error response as a whole frame. A text over 4 KiB is cut between two characters. */
export function encodeError(id: Uint64, text: string): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(ERROR_TEXT_BYTES_MAX);
  const { written } = utf8.encodeInto(text, payload);
  return encodeFrame({ type: ResponseType.error, id, payload: payload.subarray(0, written) });
}

/**
 * Decodes a frame from a controller. Throws an `UnknownTypeError` or a `MalformedPayloadError`; after both, the
 * connection stays usable.
 */
export function decodeMessage(frame: Frame): Message {
  const { type, id, payload } = frame;
  switch (type) {
    case MessageType.version: {
      const reader = new PayloadReader(payload, "The payload of a version exchange");
      const message = { type: "version", id, version: reader.uint32() } as const;
      reader.end();
      return message;
    }
    case MessageType.core: {
      const { text, blob } = decodeStringAndBlob(payload);
      return { type: "core", id, name: text, content: blob };
    }
    case MessageType.job: {
      checkJob(payload);
      const job = readUint64(payload, 0);
      return { type: "job", id, job, input: payload.subarray(JOB_PREFIX_BYTES) };
    }
    default:
      throw new UnknownTypeError("message", type);
  }
}

/** Checks a job message's payload without decoding it: a worker forwards it unchanged. */
export function checkJob(payload: Uint8Array): void {
  checkBlobToEnd(payload, 8, "a job's input");
}

/** Checks the fields of a payload before its blob, the last of which says how many bytes the blob has. */
export function checkHugeHead(head: Uint8Array, blobBytes: number, what: string): void {
  const said = readUint64(head, head.byteLength - 8);
  if (said === blobBytes) return;
  throw new MalformedPayloadError(
    `The length of ${what} is given as ${said} bytes, but the payload has ${blobBytes}`,
  );
}

/** Decodes a payload of a string and a blob. */
export function decodeStringAndBlob(
  payload: Uint8Array<ArrayBuffer>,
): { text: string; blob: Uint8Array<ArrayBuffer> } {
  const reader = new PayloadReader(payload, "The payload of a new compute core");
  const decoded = { text: reader.string(), blob: reader.blob() };
  reader.end();
  return decoded;
}

/** Decodes the response to a version exchange: whether the worker accepts the version. */
export function decodeVersionResponse(payload: Uint8Array<ArrayBuffer>): boolean {
  const reader = new PayloadReader(payload, "The response to a version exchange");
  const isAccepted = reader.flag();
  reader.end();
  return isAccepted;
}

/** Checks the response to a "new compute core" message, which must be empty. */
export function decodeCoreResponse(payload: Uint8Array<ArrayBuffer>): void {
  new PayloadReader(payload, "The response to a new compute core").end();
}

/** Decodes the successful response to a job, which begins at `at`. */
export function decodeJobResponse(payload: Uint8Array<ArrayBuffer>, at = 0): JobResult {
  checkBlobToEnd(payload, at + 4, "a job's output");
  const { buffer, byteOffset, byteLength } = payload;
  const outputAt = at + JOB_RESULT_PREFIX_BYTES;
  // Not `subarray`, which takes half as long again: every job passes here.
  const output = new Uint8Array(buffer, byteOffset + outputAt, byteLength - outputAt);
  return { exitCode: readInt32(payload, at), output };
}

/** The same where it has arrived. */
export function decodeJobSpan(span: FrameSpan, at: number): JobResult {
  const { bytes, at: start } = span;
  checkBlobToEnd(bytes, start + at + 4, "a job's output", start, span.end);
  return {
    exitCode: readInt32(bytes, start + at),
    output: span.keep(at + JOB_RESULT_PREFIX_BYTES),
  };
}

/**
 * Decodes the text of an error response, at most 4 KiB of it. Bytes that are not UTF-8 become U+FFFD: a damaged
 * text is better than none.
 */
export function decodeError(payload: Uint8Array): string {
  return utf8Lenient.decode(payload.subarray(0, ERROR_TEXT_RECEIVED_BYTES_MAX));
}

/** Throws unless the length of a blob is at `at`, and the blob ends at `end`, where the payload ends. */
function checkBlobToEnd(
  payload: Uint8Array,
  at: number,
  what: string,
  start = 0,
  end = payload.byteLength,
): void {
  const room = end - at - 8;
  if (room < 0) {
    throw new MalformedPayloadError(
      `A payload of ${end - start} bytes is too short for ${what}`,
    );
  }
  const blobBytes = readUint64(payload, at);
  if (blobBytes !== room) {
    throw new MalformedPayloadError(
      `The length of ${what} is given as ${blobBytes} bytes, but the payload has ${room}`,
    );
  }
}
