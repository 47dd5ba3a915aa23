/**
 * How the memory that a worker and a slot share is divided: into regions, each with room for one input or output.
 * Memory is taken only where something was written, so a region costs nothing until it is used.
 */

import { HUGE_BLOB_BYTES_MAX, PAYLOAD_BYTES_MAX_DEFAULT } from "../protocol/mod.ts";
import { PAGE_BYTES } from "../runtime/native/shared_memory.ts";

/** Where an input or output begins in its region. Before it is room for the fields of its message. */
export const DATA_AT = 64;

/** Behind an input are zeros at least up to here: one ends a C string, and a core may read a little too far. */
export const ZEROS_BYTES = 4096 + 8;

/**
 * The sizes of regions, and how many there are of each. As many as a slot has in flight, and more for jobs that wait in
 * the worker: an input for which there is no region is copied to one later. The largest are for those of a slot, and
 * one that is being received.
 */
const CLASSES = [
  { count: 512, byteLength: 512 * 1024 + PAGE_BYTES },
  { count: 64, byteLength: 8 * 1024 * 1024 + PAGE_BYTES },
  { count: 8, byteLength: PAYLOAD_BYTES_MAX_DEFAULT + PAGE_BYTES },
];

/** A part of the memory. */
export interface Region {
  readonly index: number;
  /** Where it begins, a multiple of `PAGE_BYTES`. */
  readonly at: number;
  readonly byteLength: number;
  /** Which of the sizes it has, counted from the smallest. */
  readonly sizeClass: number;
}

/** The regions of each class. */
const BY_CLASS: readonly (readonly Region[])[] = divide();

const REGIONS: readonly Region[] = BY_CLASS.flat();

/** Bytes of the whole memory. */
export const MEMORY_BYTES = REGIONS.reduce((sum, { byteLength }) => sum + byteLength, 0);

/** Bytes of all regions but the largest, which come first. */
export const USUAL_BYTES = (BY_CLASS.at(-1)?.[0] as Region).at;

/**
 * Behind all regions is room for inputs that are larger than a payload usually may be. They are mapped only while they
 * are used, and memory limits how many there are before this number does.
 */
const HUGE_INPUTS_MAX = 16;
const HUGE_INPUT_BYTES = HUGE_BLOB_BYTES_MAX + PAGE_BYTES;

/** Where each of them begins. */
export const HUGE_INPUTS_AT: readonly number[] = Array.from(
  { length: HUGE_INPUTS_MAX },
  (_, index) => MEMORY_BYTES + index * HUGE_INPUT_BYTES,
);

/** Bytes of a memory with room for them. */
export const HUGE_MEMORY_BYTES = MEMORY_BYTES + HUGE_INPUTS_MAX * HUGE_INPUT_BYTES;

function divide(): Region[][] {
  let index = 0;
  let at = 0;
  return CLASSES.map(({ count, byteLength }, sizeClass) =>
    Array.from({ length: count }, () => {
      const region = { index: index++, at, byteLength, sizeClass };
      at += byteLength;
      return region;
    })
  );
}

/** Which regions are free. The one that was used last is taken first: it is in the caches of the CPU. */
export class FreeRegions {
  readonly #free = BY_CLASS.map((regions) => [...regions].reverse());
  #usedCount = 0;

  /** A region for an input or output of `bytes` bytes, which is the caller's until `release`. */
  take(bytes: number): Region | undefined {
    const needed = DATA_AT + bytes + ZEROS_BYTES;
    for (const [sizeClass, { byteLength }] of CLASSES.entries()) {
      const region = needed <= byteLength ? this.#free[sizeClass]?.pop() : undefined;
      if (!region) continue;
      this.#usedCount += 1;
      return region;
    }
    return undefined;
  }

  release(region: Region): void {
    this.#free[region.sizeClass]?.push(region);
    this.#usedCount -= 1;
  }

  /** How many are in use. */
  get usedCount(): number {
    return this.#usedCount;
  }
}

/** The region with this index; `undefined` if there is none. */
export function regionOf(index: number): Region | undefined {
  return REGIONS[index];
}

/** Whether there are only few regions of its size. */
export function isScarce(index: number): boolean {
  return REGIONS[index]?.sizeClass === CLASSES.length - 1;
}
