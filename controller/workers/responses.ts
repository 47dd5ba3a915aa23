/** Decodes the responses of a worker into answers and printable error texts. */

import {
  decodeError,
  decodeJobResponse,
  decodeKindError,
  decodeVersionResponse,
  type Frame,
  ProtocolError,
  ResponseType,
  UnknownTypeError,
  USAGE_BYTES,
  withoutUsage,
} from "../../protocol/mod.ts";
import { oneLine } from "../../system/printable.ts";
import type { Answer } from "../answer.ts";
import { hugeAnswerOf } from "./huge_answers.ts";

/** The same frame. Throws unless a worker may send frames of its type, in this version of the protocol. */
export function checked(frame: Frame, version: number): Frame {
  if (isResponse(frame.type, version)) return frame;
  throw new UnknownTypeError("response", frame.type, version);
}

function isResponse(type: number, version: number): boolean {
  if (type === ResponseType.ok || type === ResponseType.error) return true;
  if (version === 1) return false;
  return type === ResponseType.kindError || type === ResponseType.draining ||
    type === ResponseType.printed || type === ResponseType.arrivalRate ||
    type === ResponseType.okWithUsage || type === ResponseType.errorWithUsage;
}

export function isError({ type }: Frame): boolean {
  return type === ResponseType.error || type === ResponseType.kindError ||
    type === ResponseType.errorWithUsage;
}

/** Decodes the answer to a job. `lastLines`: what the job printed last, if the worker has said it. */
export function answerOf(frame: Frame, lastLines?: readonly string[]): Answer {
  if (frame.huge) return hugeAnswerOf(frame, frame.huge);
  if (frame.type === ResponseType.okWithUsage && !lastLines) { // most large results
    const { payload } = frame;
    return { kind: "result", result: decodeJobResponse(payload, USAGE_BYTES), usage: payload };
  }
  if (frame.type === ResponseType.okWithUsage || frame.type === ResponseType.errorWithUsage) {
    return { ...answerOf(withoutUsage(frame), lastLines), usage: frame.payload };
  }
  const printed = lastLines && { lastLines };
  if (frame.type === ResponseType.ok) {
    return { kind: "result", result: decodeJobResponse(frame.payload), ...printed };
  }
  const cause = frame.type === ResponseType.kindError
    ? decodeKindError(frame.payload).kind
    : "other";
  return { kind: "error", cause, message: errorTextOf(frame), ...printed };
}

/** The payload of a response that must not be an error, as every worker of the agreed version can answer. */
export function payloadOf(frame: Frame): Uint8Array<ArrayBuffer> {
  if (isError(frame)) throw new ProtocolError(`it answered with an error: ${errorTextOf(frame)}`);
  return frame.payload;
}

/** Why a worker does not speak the version that it was offered, by its answer; `undefined` if it does. */
export function versionProblem(frame: Frame, version: number): string | undefined {
  if (isError(frame)) return `it refused the version exchange: ${errorTextOf(frame)}`;
  const isAccepted = decodeVersionResponse(frame.payload);
  return isAccepted ? undefined : `it does not speak protocol version ${version}`;
}

/** The text of an error response as one printable line, because it goes to a terminal. */
export function errorTextOf(frame: Frame): string {
  if (frame.type === ResponseType.errorWithUsage) return errorTextOf(withoutUsage(frame));
  const { type, payload } = frame;
  const raw = type === ResponseType.kindError
    ? decodeKindError(payload).text
    : decodeError(payload);
  const text = oneLine(raw).trim();
  return text === "" ? "(no reason given)" : text;
}

/** The error for a response to a message that was not sent or is already answered. */
export function unexpectedResponse(id: number | bigint): ProtocolError {
  return new ProtocolError(`unexpected response: no outstanding message ${id}`);
}
