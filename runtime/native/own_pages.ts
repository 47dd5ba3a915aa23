/**
 * Which pages of a private mapping are this process's own, because it has written to them. To ask the system takes far
 * less time than to drop them all and to have them mapped once more. Linux only.
 */

import { O_CLOEXEC } from "./c_declarations.ts";
import type { CLibrary } from "./c_functions.ts";
import { PageFaults } from "./page_faults.ts";

const PATH = new TextEncoder().encode("/proc/self/pagemap\0");

/** The system has 8 bytes for each page. These bits are in the upper half of them. */
const ENTRY_BYTES = 8;
const IS_THERE = 0xc000_0000; // in memory, or swapped out
const IS_SHARED = 0x2000_0000; // a page of the file

/** Pages that are asked for in one call. */
const PAGES_MAX = 4096;

type Library<Size> = Pick<
  CLibrary<unknown, Size>,
  "open" | "pread" | "getpagesize" | "getrusage"
>;

/** The pages of this process. */
export class Pages<Size> {
  readonly #libc: Library<Size>;
  readonly #size: (count: number) => Size;
  readonly #fd: number;
  readonly #pageBytes: number;
  readonly #faults: PageFaults;
  /** How many there were when pages were looked at last. */
  #faultsBefore: number | undefined;
  readonly #entries = new Uint32Array(PAGES_MAX * ENTRY_BYTES / Uint32Array.BYTES_PER_ELEMENT);

  private constructor(
    libc: Library<Size>,
    size: (count: number) => Size,
    fd: number,
    pageBytes: number,
  ) {
    this.#libc = libc;
    this.#size = size;
    this.#fd = fd;
    this.#pageBytes = pageBytes;
    this.#faults = new PageFaults(libc);
  }

  /** `undefined` where the system does not say. */
  static open<Size>(libc: Library<Size>, size: (count: number) => Size): Pages<Size> | undefined {
    const fd = libc.open(PATH, O_CLOEXEC);
    const pageBytes = libc.getpagesize?.() ?? 0;
    return fd < 0 || pageBytes <= 0 ? undefined : new Pages(libc, size, fd, pageBytes);
  }

  /**
   * Whether one of the pages from `address` on has become this process's own since the last call, as far as that can be
   * known. None was its own before.
   */
  haveBecomeOwn(address: bigint, bytes: number): boolean {
    const faults = this.#faults.count();
    if (faults !== undefined && faults === this.#faultsBefore) return false;
    this.#faultsBefore = faults;
    return this.hasOwn(address, bytes);
  }

  /** Whether one of the pages from `address` on is this process's own, as far as that can be known. */
  hasOwn(address: bigint, bytes: number): boolean {
    const first = Math.floor(Number(address) / this.#pageBytes);
    const end = Math.ceil((Number(address) + bytes) / this.#pageBytes);
    for (let page = first; page < end; page += PAGES_MAX) {
      if (this.#hasOwn(page, Math.min(PAGES_MAX, end - page))) return true;
    }
    return false;
  }

  #hasOwn(page: number, count: number): boolean {
    const into = new Uint8Array(this.#entries.buffer, 0, count * ENTRY_BYTES);
    const read = this.#libc.pread?.(
      this.#fd,
      into,
      this.#size(into.byteLength),
      this.#size(page * ENTRY_BYTES),
    );
    if (read !== into.byteLength) return true;
    for (let at = 1; at < 2 * count; at += 2) {
      const bits = this.#entries[at] as number;
      if ((bits & IS_THERE) !== 0 && (bits & IS_SHARED) === 0) return true;
    }
    return false;
  }
}
