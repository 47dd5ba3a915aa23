/** The regions of shared memory as the worker sees them: what is in them, and how much memory they keep. */

import { PAGE_BYTES, type SharedMemory } from "../../../runtime/native/shared_memory.ts";
import type { Region } from "../../../slot/regions.ts";

/** Memory that regions keep for long while they are not in use. */
const KEPT_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Memory that they keep for the next inputs or outputs; the system gets back the rest. Large jobs often end all
 * together, and their memory is needed again at once: to give it back and to get it anew takes a tenth of the time of a
 * worker and its slots. Once the other process may use a region again, it cannot be given back any more.
 */
const BUSY_KEPT_BYTES_MAX: Readonly<Record<GivenBack, number>> = {
  coldest: 4 * KEPT_BYTES_MAX,
  released: 2 * KEPT_BYTES_MAX,
};

/** Views are at least this large, so that few are made: each is an object outside of the runtime's own memory. */
const VIEW_BYTES_MIN = 128 * 1024;

/** What is known of a region that was used before. */
interface Known {
  view?: Uint8Array<ArrayBuffer>;
  withHead?: Uint8Array<ArrayBuffer> | undefined;
  /** Behind this many bytes there are zeros. */
  usedBytes: number;
}

/**
 * Which region is given back when too much is kept: the one that was released first, as the others will be used before
 * it; or the one that is being released, of which the other process does not know yet that it may use it.
 */
export type GivenBack = "coldest" | "released";

/** The views of one memory. */
export class RegionViews {
  readonly #memory: SharedMemory;
  readonly #givenBack: GivenBack;
  readonly #known = new Map<Region, Known>();
  /** Regions that are not in use, in the order in which they were released. */
  readonly #kept = new Set<Region>();
  #keptBytes = 0;

  constructor(memory: SharedMemory, givenBack: GivenBack) {
    this.#memory = memory;
    this.#givenBack = givenBack;
  }

  /** The first `bytes` bytes of a region, which is taken into use, and `zeros` more, which stay zeros. */
  view(region: Region, bytes: number, zeros = 0): Uint8Array<ArrayBuffer> {
    const viewBytes = bytes + zeros;
    const known = this.#use(region, bytes);
    if (!known.view || known.view.byteLength < viewBytes) {
      known.view = this.#memory.view(region.at, sizeOf(region, viewBytes));
    }
    return known.view.subarray(0, viewBytes);
  }

  /**
   * The first `bytes` bytes of a region, which is taken into use, behind `PAGE_BYTES` bytes that the other process
   * cannot reach. `undefined` if there are too many such views.
   */
  viewWithHead(region: Region, bytes: number): Uint8Array<ArrayBuffer> | undefined {
    const known = this.#use(region, bytes);
    if (!known.withHead || known.withHead.byteLength < PAGE_BYTES + bytes) {
      known.withHead = this.#memory.viewWithHead(region.at, sizeOf(region, bytes));
    }
    return known.withHead?.subarray(0, PAGE_BYTES + bytes);
  }

  #use(region: Region, bytes: number): Known {
    const known = this.#known.get(region) ?? { usedBytes: 0 };
    this.#known.set(region, known);
    if (this.#kept.delete(region)) this.#keptBytes -= known.usedBytes;
    known.usedBytes = Math.max(known.usedBytes, bytes);
    return known;
  }

  /** Makes all zero that an earlier input has left behind `end`. To be called before the region is taken into use. */
  clearFrom(region: Region, end: number): void {
    const known = this.#known.get(region);
    if (!known || known.usedBytes <= end) return;
    const page = Math.ceil(end / PAGE_BYTES) * PAGE_BYTES;
    if (page < known.usedBytes) this.#discard(region, page, known.usedBytes);
    known.view?.fill(0, end, Math.min(page, known.usedBytes));
    this.#keptBytes -= known.usedBytes - end;
    known.usedBytes = end;
  }

  /** A region is no longer in use. No view of it may be used any more. */
  onReleased(region: Region): void {
    const known = this.#known.get(region);
    if (!known) return;
    this.#kept.add(region);
    this.#keptBytes += known.usedBytes;
    const isOverKept = known.usedBytes > KEPT_BYTES_MAX;
    const bytesMax = isOverKept ? KEPT_BYTES_MAX : BUSY_KEPT_BYTES_MAX[this.#givenBack];
    this.#trim(isOverKept || this.#givenBack === "released" ? [region] : this.#kept, bytesMax);
  }

  /** Gives back all regions that are not in use. */
  giveBackKept(): void {
    this.#trim(this.#kept, 0);
  }

  /** None was in use for a while. */
  onIdle(): void {
    if (this.#givenBack === "coldest") this.#trim(this.#kept, KEPT_BYTES_MAX);
  }

  /** Gives regions back, in this order, until no more than `bytesMax` is kept. Their views stay: new ones cost more. */
  #trim(regions: Iterable<Region>, bytesMax: number): void {
    for (const region of regions) {
      const known = this.#known.get(region);
      if (!known || this.#keptBytes <= bytesMax) return;
      this.#kept.delete(region);
      this.#keptBytes -= known.usedBytes;
      this.#discard(region, 0, known.usedBytes);
      known.usedBytes = 0;
    }
  }

  /** How many bytes of regions are not given back. */
  usedBytes(isCounted: (region: Region) => boolean): number {
    let bytes = 0;
    for (const [region, known] of this.#known) if (isCounted(region)) bytes += known.usedBytes;
    return bytes;
  }

  #discard({ at }: Region, from: number, to: number): void {
    this.#memory.discard(at + from, Math.ceil((to - from) / PAGE_BYTES) * PAGE_BYTES);
  }
}

/** How large a view is made for this many bytes. */
function sizeOf(region: Region, bytes: number): number {
  const size = Math.max(VIEW_BYTES_MIN, 2 ** Math.ceil(Math.log2(bytes)));
  return Math.min(region.byteLength, size);
}
