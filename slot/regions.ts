/**
 * How the memory that a worker and a slot share is divided: into regions, each with room for one input or output.
 * Memory is taken only where something was written, so a region costs nothing until it is used.
 */

import { PAYLOAD_BYTES_MAX_DEFAULT } from "../protocol/mod.ts";
import { PAGE_BYTES } from "../runtime/shared_memory.ts";

/** Where an input or output begins in its region. Before it is room for the fields of its message. */
export const DATA_AT = 64;

/** Behind an input are zeros at least up to here: one ends a C string, and a core may read a little too far. */
export const ZEROS_BYTES = 4096 + 8;

/** As many as a slot has in flight: more than 4 MiB only of its running job, and small inputs are sent in batches. */
const SMALL_COUNT = 64;
const SMALL_BYTES = 512 * 1024 + PAGE_BYTES;

/** Those of a slot, of jobs that wait for one, and one that is being received. */
const LARGE_COUNT = 8;
const LARGE_BYTES = PAYLOAD_BYTES_MAX_DEFAULT + PAGE_BYTES;

const LARGE_AT = SMALL_COUNT * SMALL_BYTES;

/** Bytes of the whole memory. */
export const MEMORY_BYTES = LARGE_AT + LARGE_COUNT * LARGE_BYTES;

/** A part of the memory. */
export interface Region {
  readonly index: number;
  /** Where it begins, a multiple of `PAGE_BYTES`. */
  readonly at: number;
  readonly byteLength: number;
}

const REGIONS: readonly Region[] = Array.from(
  { length: SMALL_COUNT + LARGE_COUNT },
  (_, index) => ({
    index,
    at: index < SMALL_COUNT ? index * SMALL_BYTES : LARGE_AT + (index - SMALL_COUNT) * LARGE_BYTES,
    byteLength: index < SMALL_COUNT ? SMALL_BYTES : LARGE_BYTES,
  }),
);

/** Which regions are free. The one that was used last is taken first: it is in the caches of the processor. */
export class FreeRegions {
  readonly #small = REGIONS.slice(0, SMALL_COUNT).reverse();
  readonly #large = REGIONS.slice(SMALL_COUNT).reverse();

  /** A region for an input or output of `bytes` bytes, which is the caller's until `release`. */
  take(bytes: number): Region | undefined {
    const needed = DATA_AT + bytes + ZEROS_BYTES;
    if (needed <= SMALL_BYTES && this.#small.length > 0) return this.#small.pop();
    return needed <= LARGE_BYTES ? this.#large.pop() : undefined;
  }

  release(region: Region): void {
    (region.index < SMALL_COUNT ? this.#small : this.#large).push(region);
  }

  /** How many are in use. */
  get usedCount(): number {
    return REGIONS.length - this.#small.length - this.#large.length;
  }
}

/** The region with this index; `undefined` if there is none. */
export function regionOf(index: number): Region | undefined {
  return REGIONS[index];
}
