/**
 * A clock for tests. Its time passes only when the test says so:
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { VirtualClock } from "./virtual_clock.ts";
 *
 * const clock = new VirtualClock();
 * let rang = 0;
 * clock.every(1_000, () => rang += 1);
 * await clock.advance(60_000); // takes no time
 * assert.equal(rang, 60);
 * ```
 */

import { type Clock, nextTurn, type Timer } from "../../runtime/clock.ts";

/** Turns of the real event loop after each timer. Everything that a timer triggers in memory has then run. */
const TURNS = 4;

interface Pending {
  atMs: number;
  /** Two timers that are due at the same time run in the order in which they were set. */
  readonly order: number;
  readonly everyMs: number | undefined;
  readonly action: () => void;
}

/** A clock that starts at 0 and moves only in `advance` and `until`. */
export class VirtualClock implements Clock {
  readonly #pending = new Set<Pending>();
  #nowMs = 0;
  #order = 0;

  now(): number {
    return this.#nowMs;
  }

  date(): number {
    return this.#nowMs;
  }

  after(ms: number, action: () => void): Timer {
    return this.#add(ms, action, undefined);
  }

  every(ms: number, action: () => void): Timer {
    return this.#add(ms, action, ms);
  }

  /** Turns are those of the real event loop. */
  nextTurn(): Promise<void> {
    return nextTurn();
  }

  /** Number of timers that are set. Should be 0 when everything has ended. */
  get timers(): number {
    return this.#pending.size;
  }

  /** Lets time pass and runs the timers that are due in it, in order. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settled();
    for (let next = this.#next(untilMs); next; next = this.#next(untilMs)) {
      this.#nowMs = next.atMs;
      if (next.everyMs === undefined) this.#pending.delete(next);
      else next.atMs += Math.max(next.everyMs, 1);
      next.action();
      await settled();
    }
    this.#nowMs = untilMs;
  }

  /** Lets time pass until `look` returns a value, and returns that value. Throws after `limitMs`. */
  async until<T>(
    what: string,
    look: () => T | undefined | false,
    limitMs = 1_200_000,
  ): Promise<T> {
    const untilMs = this.#nowMs + limitMs;
    for (;;) {
      await settled();
      const seen = look();
      if (seen !== undefined && seen !== false) return seen;
      const next = this.#next(untilMs);
      if (!next) throw new Error(`Waited for ${limitMs / 1000} virtual seconds in vain: ${what}`);
      await this.advance(next.atMs - this.#nowMs);
    }
  }

  #add(ms: number, action: () => void, everyMs: number | undefined): Timer {
    const pending = { atMs: this.#nowMs + ms, order: ++this.#order, everyMs, action };
    this.#pending.add(pending);
    return { stop: () => void this.#pending.delete(pending) };
  }

  #next(untilMs: number): Pending | undefined {
    let next: Pending | undefined;
    for (const pending of this.#pending) {
      if (pending.atMs > untilMs) continue;
      const isSooner = !next || pending.atMs < next.atMs ||
        (pending.atMs === next.atMs && pending.order < next.order);
      if (isSooner) next = pending;
    }
    return next;
  }
}

/** Resolves when everything that is pending in memory has run. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    await nextTurn();
  }
}
