/**
 * When the work of TLS handshakes is done. One takes this process milliseconds: the keys of the connection, then the
 * certificate of the other end. A stranger gets the first for the price of some bytes. So the pieces of this work are
 * queued, networks in turn, and one that asks again and again is followed by rests, in which honest work goes on.
 *
 * Of one network, the newest connection is served first. If it asks for more than it gets, the others are too late
 * anyway, and who has begun is done soon.
 */

import { type Clock, delay } from "../runtime/clock.ts";
import { onClose } from "../runtime/on_close.ts";
import { networkOfPeer } from "../runtime/network/peer_network.ts";
import type { ByteStream } from "../runtime/ports.ts";
import { Groups } from "../system/groups.ts";

/** How many turns of the event loop a piece of work needs for most of it. */
const LOOP_TURNS = 2;

/** The rest after a piece of work is so many times as long: others have most of the time. */
const REST_FACTOR = 3;

/** The shortest rest, as some of the work follows later; and the longest. */
const REST_MS = { min: 4, max: 100 } as const;

/** A network asks again and again that has had more than the two pieces of one handshake in a while. */
const PIECES = 2;
const WHILE_MS = 1_000;

/** With more pieces in a while, there are rests whoever asks: an attacker may have many networks. */
const ALL_PIECES = 200;

interface Waiting {
  readonly network: string;
  readonly begin: () => void;
}

/** The queue of those who wait. */
export class HandshakeQueue {
  readonly #clock: Clock;
  readonly #waiting = new Groups<Waiting>();
  #isBusy = false;
  /** The pieces of each network in this while, those of all, and when it began. */
  readonly #pieces = new Map<string, number>();
  #allPieces = 0;
  #whileSinceMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when a piece of work for a connection may be done. Rejects if this side closes it before. */
  next(stream: ByteStream): Promise<void> {
    return new Promise((begin, reject) => {
      const waiting = { network: networkOfPeer(stream.peer), begin };
      this.#waiting.add(waiting.network, waiting);
      onClose(stream, () => {
        if (this.#waiting.delete(waiting)) reject(new Error("it was closed before its turn"));
      });
      if (!this.#isBusy) void this.#serve();
    });
  }

  async #serve(): Promise<void> {
    this.#isBusy = true;
    for (let next = this.#take(); next; next = this.#take()) {
      const beganAtMs = this.#clock.now();
      next.begin();
      for (let turn = 0; turn < LOOP_TURNS; turn++) await this.#clock.nextTurn();
      const tookMs = this.#clock.now() - beganAtMs;
      if (this.#isTooOften(next.network, beganAtMs)) await this.#rest(tookMs);
    }
    this.#isBusy = false;
  }

  #take(): Waiting | undefined {
    return this.#waiting.takeNewestInTurn();
  }

  #isTooOften(network: string, nowMs: number): boolean {
    if (nowMs - this.#whileSinceMs >= WHILE_MS) {
      this.#pieces.clear();
      this.#allPieces = 0;
      this.#whileSinceMs = nowMs;
    }
    const pieces = (this.#pieces.get(network) ?? 0) + 1;
    this.#pieces.set(network, pieces);
    this.#allPieces += 1;
    return pieces > PIECES || this.#allPieces > ALL_PIECES;
  }

  async #rest(tookMs: number): Promise<void> {
    const { min, max } = REST_MS;
    await delay(this.#clock, Math.min(Math.max(REST_FACTOR * tookMs, min), max));
  }
}
