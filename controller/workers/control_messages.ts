/** Messages other than jobs that a worker has not answered yet. */

import type { OnResponse } from "./connection_events.ts";
import { unexpectedResponse } from "./responses.ts";

/** The first message id for messages other than jobs. Jobs use their dispatch ids, which count from 1. */
export const CONTROL_ID_FIRST = 2 ** 52;

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
