/**
 * The jobs that one endpoint has in flight, by their dispatches. An endpoint's dispatches count from 1, so that a ring
 * finds a job without hashing: every job is added, found and removed here, and a `Map` costs several times as much.
 */

import type { DispatchId } from "./ids.ts";
import type { Job } from "./job.ts";

/** The first length of the ring, a power of two. It doubles when it is full. */
const RING_LENGTH_MIN = 16;

/** Jobs in flight at one endpoint, in the order of their dispatches. */
export class InFlight<T> implements Iterable<Job<T>> {
  /** The job with dispatch `d` is at `d` modulo the length. */
  #ring: (Job<T> | undefined)[] = emptyRing(RING_LENGTH_MIN);
  /**
   * Jobs that are still in flight when the ring has come round to their places: later ones have ended. The oldest
   * first.
   */
  readonly #overtaken = new Map<DispatchId, Job<T>>();
  /** The smallest dispatch in the ring; `#next` if the ring is empty. */
  #first = 1;
  #next = 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The dispatch of the job that is added next. */
  get next(): DispatchId {
    return this.#next as DispatchId;
  }

  /** The job that was sent first. */
  get oldest(): Job<T> | undefined {
    for (const job of this.#overtaken.values()) return job;
    return this.#at(this.#first);
  }

  /** Adds a job with the dispatch `next`. */
  add(job: Job<T>): void {
    if (this.#at(this.#next)) this.#makeRoom();
    this.#ring[this.#next & (this.#ring.length - 1)] = job;
    this.#next += 1;
    this.#size += 1;
  }

  /** The job with this dispatch, if it is in flight here. */
  get(dispatch: DispatchId): Job<T> | undefined {
    if (dispatch >= this.#first && dispatch < this.#next) return this.#at(dispatch);
    return this.#overtaken.size === 0 ? undefined : this.#overtaken.get(dispatch);
  }

  /** Removes and returns the job with this dispatch, if it is in flight here. */
  remove(dispatch: DispatchId): Job<T> | undefined {
    const job = this.get(dispatch);
    if (!job) return undefined;
    this.#size -= 1;
    if (dispatch < this.#first) this.#overtaken.delete(dispatch);
    else this.#ring[dispatch & (this.#ring.length - 1)] = undefined;
    this.#skipEmpty();
    return job;
  }

  /** The oldest first. Jobs must not be added or removed meanwhile. */
  *[Symbol.iterator](): Generator<Job<T>> {
    yield* this.#overtaken.values();
    for (let dispatch = this.#first; dispatch < this.#next; dispatch++) {
      const job = this.#at(dispatch);
      if (job) yield job;
    }
  }

  #at(dispatch: number): Job<T> | undefined {
    return this.#ring[dispatch & (this.#ring.length - 1)];
  }

  /** The ring has come round to a job that is still in flight: either it is too short, or the job takes very long. */
  #makeRoom(): void {
    const { length } = this.#ring;
    if (this.#size - this.#overtaken.size > length / 2) return this.#grow(2 * length);
    const dispatch = this.#first as DispatchId;
    this.#overtaken.set(dispatch, this.#at(dispatch) as Job<T>);
    this.#ring[dispatch & (length - 1)] = undefined;
    this.#skipEmpty();
  }

  #grow(length: number): void {
    const ring = emptyRing<T>(length);
    for (let dispatch = this.#first; dispatch < this.#next; dispatch++) {
      ring[dispatch & (length - 1)] = this.#at(dispatch);
    }
    this.#ring = ring;
  }

  #skipEmpty(): void {
    while (this.#first < this.#next && !this.#at(this.#first)) this.#first += 1;
  }
}

function emptyRing<T>(length: number): (Job<T> | undefined)[] {
  return new Array<Job<T> | undefined>(length).fill(undefined);
}
