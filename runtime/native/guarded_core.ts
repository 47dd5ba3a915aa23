/** A compute core whose inputs are placed next to memory that nobody may touch. It shows reads and writes beyond them. */

import { MMAP, type Mmap, MPROTECT } from "./c_declarations.ts";
import type { CFunction, ForeignMemory } from "./c_functions.ts";
import type { ForeignCore } from "./native_core.ts";
import type { NativeCore } from "../ports.ts";

/** Where an input is placed: `behind` means right before the memory that nobody may touch, `front` right behind it. */
export type GuardSide = "behind" | "front";

/** The input of one run, in memory with canaries around it. */
export interface GuardedInput {
  /** Whether everything around the input is as it was. */
  isIntact(): boolean;
}

/** A core with such inputs. */
export interface GuardedCore {
  readonly core: NativeCore & {
    /** Where the input is. */
    readonly inputAddress: bigint;
  };
  /**
   * Places an input for the next run, with one NUL byte behind it. It is aligned to 64 bytes, so up to 63 bytes may
   * be left between the NUL and the guard. They, and what is on the other side, are filled with `canary`.
   */
  place(input: Uint8Array, side: GuardSide, canary: number): GuardedInput;
}

/** The functions of the C library that a guarded core needs. */
export interface GuardLibrary<Pointer, Size> {
  mmap: Mmap<Pointer, Size>;
  mprotect(address: Pointer, length: Size, protection: number): number;
}

/** Declares `GuardLibrary`. */
export const GUARD_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  mmap: MMAP,
  mprotect: MPROTECT,
};

/** A multiple of the page size of every CPU. */
const GUARD_BYTES = 64 * 1024;

/** The alignment that the compute core API promises. */
const ALIGNMENT = 64;

const PROT_NONE = 0;
const PROT_READ_WRITE = 3;
const MAP_PRIVATE = 2;

/** Memory between two guards. */
interface MemoryRegion {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly address: bigint;
}

/** See `GuardedCore`. */
export class ForeignGuardedCore<P extends object | number, S> implements GuardedCore {
  readonly #library: GuardLibrary<P, S>;
  readonly #memory: ForeignMemory<P, S>;
  readonly #mapAnonymous: number;
  #region: MemoryRegion | undefined;

  constructor(
    readonly core: ForeignCore<P>,
    library: GuardLibrary<P, S>,
    memory: ForeignMemory<P, S>,
    platform: string,
  ) {
    this.#library = library;
    this.#memory = memory;
    this.#mapAnonymous = platform === "darwin" ? 0x1000 : 0x20;
  }

  place(input: Uint8Array, side: GuardSide, canary: number): GuardedInput {
    const space = input.byteLength + 1;
    const { bytes, address } = this.#regionFor(space);
    const last = bytes.byteLength - Math.ceil(space / ALIGNMENT) * ALIGNMENT;
    const start = side === "front" ? 0 : last;
    const end = start + input.byteLength;
    bytes.fill(canary);
    bytes.set(input, start);
    bytes[end] = 0;
    this.core.useInput(bytes.subarray(start, end + 1), address + BigInt(start));
    return {
      isIntact: () =>
        bytes[end] === 0 && isFilled(bytes.subarray(0, start), canary) &&
        isFilled(bytes.subarray(end + 1), canary),
    };
  }

  #regionFor(bytes: number): MemoryRegion {
    const size = Math.ceil(bytes / GUARD_BYTES) * GUARD_BYTES;
    if (this.#region?.bytes.byteLength !== size) this.#region = this.#map(size);
    return this.#region;
  }

  /** Memory of an earlier region is never given back: a core that keeps a pointer into it must not meet other memory. */
  #map(size: number): MemoryRegion {
    const { size: count, bytesAt, addressOf, behind } = this.#memory;
    const total = size + 2 * GUARD_BYTES;
    const flags = MAP_PRIVATE | this.#mapAnonymous;
    const start = this.#library.mmap(null, count(total), PROT_READ_WRITE, flags, -1, count(0));
    const buffer = start === null ? undefined : bytesAt(start, total);
    if (start === null || !buffer) throw new Error(`Cannot map ${total} bytes of memory`);
    for (const guard of [start, behind(start, GUARD_BYTES + size)]) {
      if (this.#library.mprotect(guard, count(GUARD_BYTES), PROT_NONE) !== 0) {
        throw new Error("Cannot protect memory");
      }
    }
    return {
      bytes: new Uint8Array(buffer, GUARD_BYTES, size),
      address: addressOf(buffer) + BigInt(GUARD_BYTES),
    };
  }
}

function isFilled(bytes: Uint8Array, value: number): boolean {
  return bytes.every((byte) => byte === value);
}
