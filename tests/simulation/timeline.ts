/**
 * Virtual time: a queue of events. Between two events, everything that runs in memory comes to an end. So the same
 * events happen in the same order whenever a simulation is repeated.
 */

import process from "node:process";

/** An event that is still to come. */
export interface Event {
  readonly atMs: number;
  /** Of two events at the same time, the one that was planned first happens first. */
  readonly order: number;
  action: (() => void) | undefined;
}

/** The events of a simulation. */
export class Timeline {
  /** A binary heap: no event is earlier than its parent, the one at half its index. */
  readonly #heap: Event[] = [];
  #order = 0;
  #nowMs = 0;
  /** How many events have happened. */
  count = 0;
  /** The same for the same events at the same times. */
  fingerprint = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Plans an event; one after `Infinity` never happens. Setting its `action` to `undefined` cancels it. */
  after(ms: number, action: () => void): Event {
    const event: Event = { atMs: this.#nowMs + Math.max(0, ms), order: ++this.#order, action };
    if (ms < Infinity) this.#push(event);
    return event;
  }

  /** Lets the next event happen, and everything that follows from it at once. Resolves to whether there was one. */
  async step(): Promise<boolean> {
    if (!this.happen()) return false;
    await settled();
    return true;
  }

  /** Lets the next event happen, for code that waits for no promise. Returns whether there was one. */
  happen(): boolean {
    let event = this.#pop();
    while (event && !event.action) event = this.#pop(); // it was canceled
    if (!event) return false;
    const { action, atMs, order } = event;
    this.#nowMs = atMs;
    this.count += 1;
    this.fingerprint = Math.imul(this.fingerprint, 31) + order + Math.round(1_000 * atMs) | 0;
    action?.();
    return true;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as Event;
      if (!isBefore(event, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      const right = heap[below + 1];
      if (right && isBefore(right, heap[below] as Event)) below += 1;
      const child = heap[below] as Event;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}

/**
 * Resolves when all promises that can settle have settled: everything simulated is in memory. A tick comes after all of them,
 * and costs a tenth of a turn of the event loop.
 */
export function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
