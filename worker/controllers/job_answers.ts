/** Sends the answers of a controller's jobs, with what the jobs have used if the controller wants to know it. */

import type { Link } from "../../link/link.ts";
import {
  encodeDone,
  encodeError,
  encodeKindError,
  type FailureKindName,
  FrameSpan,
  ResponseType,
  type Uint64,
  USAGE_BYTES,
} from "../../protocol/mod.ts";
import type { RelayedJob, SlotResponse } from "../job.ts";

const EXIT_CODE_BYTES = 4;

/** Whether a slot's response is the result of a job. */
export function isResult({ type }: SlotResponse): boolean {
  return type === ResponseType.ok || type === ResponseType.okWithUsage;
}

/** Whether the exit code of a result is not 0. */
export function hasFailed({ type, payload }: SlotResponse): boolean {
  const at = type === ResponseType.ok ? 0 : USAGE_BYTES;
  return payload.subarray(at, at + EXIT_CODE_BYTES).some((byte) => byte !== 0);
}

/** The answers of one connection. */
export class JobAnswers {
  readonly #link: Link;
  #hasUsage = false;

  constructor(link: Link) {
    this.#link = link;
  }

  /** The controller says whether answers are to carry what jobs have used. Returns the response. */
  onAsked(id: Uint64, isWanted: boolean): Uint8Array<ArrayBuffer> {
    this.#hasUsage = isWanted;
    return encodeDone(id);
  }

  /** Forwards the result of a job. The payload is sent as it came, or without what is in front of it. */
  sendResult({ id }: RelayedJob, response: SlotResponse): void {
    if (response instanceof FrameSpan) return this.#relay(id, response);
    const { type, payload } = response;
    if (this.#hasUsage || type === ResponseType.ok) this.#send(type, id, payload, response);
    else {
      const { buffer, byteOffset, byteLength } = payload; // at least as long as a usage: `checkUsage`
      const rest = new Uint8Array(buffer, byteOffset + USAGE_BYTES, byteLength - USAGE_BYTES);
      this.#send(ResponseType.ok, id, rest, response);
    }
  }

  /** The same from where it has arrived, which nearly all results are. */
  #relay(id: Uint64, span: FrameSpan): void {
    if (this.#hasUsage) this.#link.writer.relay(span.type, id, span, 0);
    else this.#link.writer.relay(ResponseType.ok, id, span, USAGE_BYTES);
  }

  #send(
    type: number,
    id: Uint64,
    payload: SlotResponse["payload"],
    { release, source }: SlotResponse,
  ): void {
    if (source) this.#link.sendHuge(type, id, payload, source);
    else if (release) this.#link.sendInPlace(type, id, payload, release);
    else this.#link.send(type, id, payload);
  }

  /** An error response, in this version of the protocol. `usage`: what the job has used, encoded. */
  error(
    version: number,
    id: Uint64,
    kind: FailureKindName,
    text: string,
    usage?: Uint8Array,
  ): Uint8Array<ArrayBuffer> {
    if (version === 1) return encodeError(id, text);
    return encodeKindError(id, kind, text, this.#hasUsage ? usage : undefined);
  }
}
