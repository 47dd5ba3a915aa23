/**
 * When the work of TLS handshakes is done. One takes this process milliseconds: the keys of the connection, then the
 * certificate of the other end. A stranger gets the first for the price of some bytes. So the pieces of this work take
 * turns, hosts in turn, and a host that asks again and again is followed by rests, in which honest work goes on.
 */

import { type Clock, delay } from "../runtime/clock.ts";
import { Groups } from "../system/groups.ts";

/** How many turns of the event loop a piece of work needs for most of it. */
const LOOP_TURNS = 2;

/** The rest after a piece of work is so many times as long: others have most of the time. */
const REST_FACTOR = 3;

/** The shortest rest, as some of the work follows later; and the longest. */
const REST_MS = { min: 4, max: 100 } as const;

/** The pieces of one handshake. A host that has had more in a while asks again and again. */
const PIECES = 2;
const WHILE_MS = 1_000;

interface Waiting {
  readonly host: string;
  readonly begin: () => void;
}

/** Gives turns to those who wait. */
export class HandshakeTurns {
  readonly #clock: Clock;
  readonly #waiting = new Groups<Waiting>();
  #isBusy = false;
  /** The turns that each host has had in this while, and when it began. */
  readonly #turns = new Map<string, number>();
  #whileSinceMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when a piece of work for a connection from this host may be done. */
  next(host: string): Promise<void> {
    return new Promise((begin) => {
      this.#waiting.add(host, { host, begin });
      if (!this.#isBusy) void this.#serve();
    });
  }

  async #serve(): Promise<void> {
    this.#isBusy = true;
    for (let next = this.#waiting.takeInTurn(); next; next = this.#waiting.takeInTurn()) {
      const beganAtMs = this.#clock.now();
      next.begin();
      for (let turn = 0; turn < LOOP_TURNS; turn++) await this.#clock.nextTurn();
      const tookMs = this.#clock.now() - beganAtMs;
      if (this.#asksAgain(next.host, beganAtMs)) await this.#rest(tookMs);
    }
    this.#isBusy = false;
  }

  #asksAgain(host: string, nowMs: number): boolean {
    if (nowMs - this.#whileSinceMs >= WHILE_MS) {
      this.#turns.clear();
      this.#whileSinceMs = nowMs;
    }
    const turns = (this.#turns.get(host) ?? 0) + 1;
    this.#turns.set(host, turns);
    return turns > PIECES;
  }

  async #rest(tookMs: number): Promise<void> {
    const { min, max } = REST_MS;
    await delay(this.#clock, Math.min(Math.max(REST_FACTOR * tookMs, min), max));
  }
}
