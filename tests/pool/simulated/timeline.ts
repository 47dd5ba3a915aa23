/** Virtual time: events that happen in order, without waiting. */

interface Event {
  readonly atMs: number;
  /** Events at the same time happen in the order in which they were planned. */
  readonly order: number;
  readonly act: () => void;
}

/** A clock that jumps from one event to the next. */
export class Timeline {
  /** A binary heap: the next event is the first. */
  readonly #heap: Event[] = [];
  #nowMs = 0;
  #planned = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many events were planned so far: the cost of a simulation. */
  get planned(): number {
    return this.#planned;
  }

  after(delayMs: number, act: () => void): void {
    const event = { atMs: this.#nowMs + delayMs, order: ++this.#planned, act };
    let index = this.#heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(event, this.#heap[parent] as Event)) break;
      this.#heap[index] = this.#heap[parent] as Event;
      index = parent;
    }
    this.#heap[index] = event;
  }

  /** Runs the next event. Returns false if there is none. */
  step(): boolean {
    const next = this.#heap[0];
    const last = this.#heap.pop();
    if (!next || !last) return false;
    if (this.#heap.length > 0) this.#sink(last);
    this.#nowMs = next.atMs;
    next.act();
    return true;
  }

  /** Puts an event in the place of the first. */
  #sink(event: Event): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right && isBefore(right, heap[child] as Event)) child += 1;
      if (!isBefore(heap[child] as Event, event)) break;
      heap[index] = heap[child] as Event;
      index = child;
    }
    heap[index] = event;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
