/** Tells whether there is memory at addresses that a core has reported, which may be wrong. Linux only. */

import { GETPAGESIZE, MINCORE } from "./c_declarations.ts";
import type { CFunction, ForeignMemory } from "./c_functions.ts";
import type { CoreOutput } from "./slot_memory.ts";

/** Declares what it needs of the C library. */
export const MAPPED_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  getpagesize: GETPAGESIZE,
  mincore: MINCORE,
};

/** The functions that `MAPPED_FUNCTIONS` declares. */
export interface MappedLibrary<Pointer, Size> {
  getpagesize(): number;
  mincore(address: Pointer, length: Size, pages: Uint8Array): number;
}

/** The memory of this process. */
export class MappedMemory<Pointer, Size> {
  readonly #library: MappedLibrary<Pointer, Size>;
  readonly #memory: Pick<ForeignMemory<Pointer, Size>, "size" | "pointerTo">;
  readonly #pageBytes: number;
  #pages = new Uint8Array(0);

  constructor(
    library: MappedLibrary<Pointer, Size>,
    memory: Pick<ForeignMemory<Pointer, Size>, "size" | "pointerTo">,
  ) {
    this.#library = library;
    this.#memory = memory;
    this.#pageBytes = library.getpagesize();
  }

  /** Whether there is memory at all addresses of an output. */
  has({ outputAddress: address, outputBytes: bytes }: CoreOutput): boolean {
    const before = Number(address % BigInt(this.#pageBytes));
    const length = before + bytes;
    const pages = Math.ceil(length / this.#pageBytes);
    if (this.#pages.byteLength < pages) this.#pages = new Uint8Array(2 * pages);
    const { size, pointerTo } = this.#memory;
    const start = address - BigInt(before);
    if (start === 0n) return false;
    return this.#library.mincore(pointerTo(start), size(length), this.#pages) === 0;
  }
}
