/**
 * How many bytes of inputs are queued ahead. Few are better as long as no slot waits for them: an input that was read
 * long before it is sent is no longer in the caches of the CPUs, and takes memory. Where inputs come from a slow
 * disk in bursts, more are needed.
 */

import type { ClientId } from "../../pool/ids.ts";

/** The limit at first, and as long as no slot waits: some inputs of a megabyte. */
export const AHEAD_BYTES_MIN = 4 * 1024 * 1024;

/** The highest limit, however often slots wait. */
export const QUEUE_BYTES_MAX = 64 * 1024 * 1024;

/** When the queue was full this many times while no slot has waited, the limit is halved. */
const CALM_TIMES = 256;

/** The limit of a client. It doubles when a queue that was full has run empty, and slots had nothing to do. */
export class QueueAhead {
  #bytesMax = AHEAD_BYTES_MIN;
  /** How many times it was full at this limit. */
  #fullTimes = 0;

  /** Whether more may be queued. */
  hasRoom(queuedBytes: number): boolean {
    return queuedBytes < this.#bytesMax;
  }

  /** An input of `bytes` bytes was queued, and `queuedBytes` are with it. */
  onQueued(bytes: number, queuedBytes: number): void {
    if (this.hasRoom(queuedBytes - bytes) && !this.hasRoom(queuedBytes)) this.#onFull();
  }

  #onFull(): void {
    this.#fullTimes += 1;
    if (this.#fullTimes < CALM_TIMES) return;
    this.#fullTimes = 0;
    this.#bytesMax = Math.max(AHEAD_BYTES_MIN, this.#bytesMax / 2);
  }

  /** Whether it has to be told that slots have nothing to do. */
  get mayGrow(): boolean {
    return this.#fullTimes > 0 && this.#bytesMax < QUEUE_BYTES_MAX;
  }

  /** A job comes to an empty queue, while slots have nothing to do. */
  onStarved(): void {
    this.#fullTimes = 0;
    this.#bytesMax *= 2;
  }
}

/** The limits of all clients. */
export class QueuesAhead {
  readonly #all = new Map<ClientId, QueueAhead>();
  /** That of the client who was asked for last: a run has one client, which is asked for each job. */
  #last: { readonly client: ClientId; readonly ahead: QueueAhead } | undefined;

  of(client: ClientId): QueueAhead {
    if (this.#last?.client === client) return this.#last.ahead;
    const ahead = this.#all.get(client) ?? new QueueAhead();
    this.#all.set(client, ahead);
    this.#last = { client, ahead };
    return ahead;
  }

  delete(client: ClientId): void {
    this.#all.delete(client);
    this.#last = undefined;
  }
}
