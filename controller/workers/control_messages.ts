/** Messages other than jobs that a worker has not answered yet. */

import { encodeCoreOutput, encodeUsageRequest } from "../../protocol/mod.ts";
import { CONTROL_ID_FIRST } from "./message_ids.ts";
import type { OnResponse, Service } from "./connection_events.ts";
import { unexpectedResponse } from "./responses.ts";

/**
 * What a worker of version 2 is told about its answers. One that cannot do it answers with an error, and does without.
 */
export function wishesOf({ coreOutput }: Service): ((id: number) => Uint8Array<ArrayBuffer>)[] {
  return [(id) => encodeCoreOutput(id, coreOutput), (id) => encodeUsageRequest(id, true)];
}

/** The messages of one connection. */
export class ControlMessages {
  readonly #outstanding = new Map<number, OnResponse>();
  #lastId = CONTROL_ID_FIRST;

  /** Reserves the id of a message. The response goes to `onResponse`. */
  expect(onResponse: OnResponse): number {
    this.#lastId += 1;
    this.#outstanding.set(this.#lastId, onResponse);
    return this.#lastId;
  }

  /** What handles the response to this message. Throws a `ProtocolError` if none is awaited. */
  take(id: number): OnResponse {
    const onResponse = this.#outstanding.get(id);
    if (!onResponse) throw unexpectedResponse(id);
    this.#outstanding.delete(id);
    return onResponse;
  }
}
