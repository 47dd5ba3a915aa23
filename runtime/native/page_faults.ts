/**
 * How many page faults this process has had. A page of a private mapping becomes a process's own in a page fault, so
 * without one nothing has become its own: this is known in a microsecond, whatever the size of the mapping. Linux only.
 */

import type { CLibrary } from "./c_functions.ts";

const RUSAGE_SELF = 0;

/** `struct rusage` has 144 bytes. Minor and major faults are its numbers 8 and 9, of 64 bits each. */
const USAGE_WORDS = 36;
const MINOR_AT = 16;
const MAJOR_AT = 18;

type Library = Pick<CLibrary<unknown, unknown>, "getrusage">;

/** The page faults of all threads of this process. */
export class PageFaults {
  readonly #libc: Library;
  readonly #words = new Uint32Array(USAGE_WORDS);
  readonly #bytes = new Uint8Array(this.#words.buffer);

  constructor(libc: Library) {
    this.#libc = libc;
  }

  /** Their number, modulo some billions; `undefined` where the system does not say. */
  count(): number | undefined {
    if (this.#libc.getrusage?.(RUSAGE_SELF, this.#bytes) !== 0) return undefined;
    const words = this.#words;
    return (words[MINOR_AT] as number) + (words[MAJOR_AT] as number);
  }
}
