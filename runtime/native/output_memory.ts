/**
 * The memory to which a slot copies the outputs of its core, for its worker. The front part, in which outputs of usual
 * sizes are, is mapped: a copy there takes a third of the time of a system call, which handles each page by itself.
 * The mapped pages that have been written to count as memory of this process. What is behind is written by system
 * calls: huge outputs must not count. Linux only.
 */

import type { CLibrary, ForeignMemory } from "./c_functions.ts";
import { MappedMemory } from "./mapped_memory.ts";
import type { CoreOutput } from "./slot_memory.ts";

/** PROT_READ and PROT_WRITE; MAP_SHARED and MAP_NORESERVE. */
const PROTECTION = 3;
const MAP_FLAGS = 0x4001;
const MADV_DONTDUMP = 16;
const CALL_BYTES_MAX = 2 ** 30;

type Library<Pointer, Size> =
  & Pick<CLibrary<Pointer, Size>, "mmap">
  & Required<
    Pick<CLibrary<Pointer, Size>, "madvise" | "getpagesize" | "pwrite" | "mincore" | "memcpy">
  >;

/** The functions for it; `undefined` where one is missing. */
export function outputLibrary<Pointer, Size>(
  { mmap, madvise, getpagesize, pwrite, mincore, memcpy }: CLibrary<Pointer, Size>,
): Library<Pointer, Size> | undefined {
  return madvise && getpagesize && pwrite && mincore && memcpy
    ? { mmap, madvise, getpagesize, pwrite, mincore, memcpy }
    : undefined;
}

/** Its front part, mapped. */
interface Mapping<Pointer> {
  readonly start: Pointer;
  readonly byteLength: number;
}

/** Memory for outputs. */
export class OutputMemory<Pointer, Size> {
  readonly #library: Library<Pointer, Size>;
  readonly #memory: ForeignMemory<Pointer, Size>;
  readonly #fd: number;
  readonly #mapping: Mapping<Pointer> | undefined;
  /** All of this process, where a core says that its output is. */
  readonly #own: MappedMemory<Pointer, Size>;

  /** `fd`: its descriptor, whose first `mappedBytes` bytes are mapped, if the system does that. */
  constructor(
    library: Library<Pointer, Size>,
    memory: ForeignMemory<Pointer, Size>,
    fd: number,
    mappedBytes: number,
  ) {
    this.#library = library;
    this.#memory = memory;
    this.#fd = fd;
    this.#own = new MappedMemory(library, memory);
    this.#mapping = this.#map(mappedBytes);
  }

  /** Whether an output is there at all. */
  isThere(output: CoreOutput): boolean {
    return this.#own.has(output);
  }

  #map(byteLength: number): Mapping<Pointer> | undefined {
    const { size, bytesAt } = this.#memory;
    const { mmap, madvise } = this.#library;
    const start = mmap(null, size(byteLength), PROTECTION, MAP_FLAGS, this.#fd, size(0));
    if (start === null || !bytesAt(start, 1)) return undefined;
    madvise(start, size(byteLength), MADV_DONTDUMP);
    return { start, byteLength };
  }

  /** Copies the output of a job to `at`. Returns whether it could: a core may report an output that it does not have. */
  write(at: number, output: CoreOutput): boolean {
    const end = at + output.outputBytes;
    const isMapped = this.#mapping && end <= this.#mapping.byteLength;
    return isMapped ? this.#copy(this.#mapping.start, at, output) : this.#writeFile(at, output);
  }

  #copy(start: Pointer, at: number, core: CoreOutput) {
    const { outputPointer, outputBytes } = core;
    if (!this.#own.has(core)) return false;
    const { size, behind } = this.#memory;
    const from = outputPointer as unknown as Pointer;
    this.#library.memcpy(behind(start, at), from, size(outputBytes));
    return true;
  }

  #writeFile(at: number, { outputPointer, outputBytes }: CoreOutput): boolean {
    const { size, behind } = this.#memory;
    const from = outputPointer as unknown as Pointer;
    for (let done = 0; done < outputBytes;) {
      const count = size(Math.min(outputBytes - done, CALL_BYTES_MAX));
      const written = this.#library.pwrite(this.#fd, behind(from, done), count, size(at + done));
      if (written <= 0) return false;
      done += written;
    }
    return true;
  }
}
