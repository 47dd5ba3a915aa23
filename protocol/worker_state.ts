/** Asks a worker of version 2 what it is doing, and its answer: text for people and scripts, which no schedule needs. */

import { encodeFrame, MessageType, ResponseType } from "./frame.ts";
import { NO_PAYLOAD, PayloadReader, PayloadWriter } from "./payload.ts";
import type { Uint64 } from "./uint64.ts";

/** A longer answer is refused. distcomp's worker says far less. */
export const STATE_BYTES_MAX = 256 * 1024;

/** Encodes the question as a whole frame. */
export function encodeStateQuestion(id: Uint64): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type: MessageType.state, id, payload: NO_PAYLOAD });
}

/** Encodes the answer, a JSON object, as a whole frame. */
export function encodeState(id: Uint64, json: string): Uint8Array<ArrayBuffer> {
  return encodeFrame({
    type: ResponseType.ok,
    id,
    payload: new PayloadWriter().string(json).bytes(),
  });
}

/** Decodes the answer. */
export function decodeState(payload: Uint8Array<ArrayBuffer>): string {
  const reader = new PayloadReader(payload, "A worker's state");
  const json = reader.string();
  reader.end();
  return json;
}
