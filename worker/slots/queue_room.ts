/**
 * How many large inputs of a controller are read ahead of its slots. The slots have enough for their next jobs; more
 * only takes memory that is not in the caches of the CPUs any more when a slot comes to it. What is not read
 * waits in the buffers of the connection, and at the controller.
 */

import type { ClientId } from "../../pool/types.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";

/** Smaller inputs do not wait: many of them come in one read. */
const LARGE_BYTES_MIN = 32 * 1024;

/** While a controller has more queued, no further large input of it is read: about as much as a slot has in flight. */
const QUEUED_BYTES_MAX = 4 * 1024 * 1024;

/**
 * How long it waits at most: what comes behind an input may be a ping or a cancel. Where a job takes longer than this,
 * nothing is gained by waiting for it.
 */
const WAIT_MS_MAX = 10;

/** A controller that waits. */
interface Waiting {
  readonly room: PromiseWithResolvers<void>;
  readonly timer: Timer;
}

/** The room in the queues of all controllers. */
export class QueueRoom {
  readonly #clock: Clock;
  readonly #queuedBytes: (client: ClientId) => number;
  readonly #waiting = new Map<ClientId, Waiting>();
  /** Controllers that have waited in vain. They do not wait again until there has been room once. */
  readonly #slow = new Set<ClientId>();

  /** `queuedBytes`: of the inputs that no slot has yet. */
  constructor(clock: Clock, queuedBytes: (client: ClientId) => number) {
    this.#clock = clock;
    this.#queuedBytes = queuedBytes;
  }

  /** A job of this many bytes has been queued. Resolves when the next one may be read; `undefined`: at once. */
  wait(client: ClientId, bytes: number): Promise<void> | undefined {
    if (bytes < LARGE_BYTES_MIN) return undefined;
    if (this.#hasRoom(client)) this.#slow.delete(client);
    else if (!this.#slow.has(client)) return this.#wait(client);
    return undefined;
  }

  #wait(client: ClientId): Promise<void> {
    const room = Promise.withResolvers<void>();
    const timer = this.#clock.after(WAIT_MS_MAX, () => {
      this.#slow.add(client);
      this.#end(client);
    });
    this.#waiting.set(client, { room, timer });
    return room.promise;
  }

  /** Slots may have got jobs from the queues. */
  onPass(): void {
    for (const client of this.#waiting.keys()) if (this.#hasRoom(client)) this.#end(client);
  }

  /** The controller is gone. */
  onClientGone(client: ClientId): void {
    this.#end(client);
    this.#slow.delete(client);
  }

  #hasRoom(client: ClientId): boolean {
    return this.#queuedBytes(client) <= QUEUED_BYTES_MAX;
  }

  #end(client: ClientId): void {
    const waiting = this.#waiting.get(client);
    this.#waiting.delete(client);
    waiting?.timer.stop();
    waiting?.room.resolve();
  }
}
