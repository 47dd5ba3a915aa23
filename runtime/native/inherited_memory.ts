/** The memory that a slot shares with its worker, of which it has inherited descriptors. Linux only. */

import type { CLibrary, ForeignMemory } from "./c_functions.ts";
import { closeOnExec } from "./close_on_exec.ts";
import { outputLibrary, OutputMemory } from "./output_memory.ts";
import { Pages } from "./own_pages.ts";
import type { InheritedMemory, SlotMemory } from "../ports.ts";

/** PROT_READ and PROT_WRITE; MAP_PRIVATE and MAP_NORESERVE. */
const PROTECTION = 3;
const MAP_FLAGS = 0x4002;
const MADV_DONTNEED = 4;

/**
 * Maps the inputs, which stay mapped until the process ends. The descriptor stays open for those that are mapped one by
 * one. What the core starts gets none of the descriptors.
 */
export function takeMemory<Pointer, Size>(
  libc: CLibrary<Pointer, Size>,
  memory: ForeignMemory<Pointer, Size>,
  { inputs, outputs, bytes, mappedBytes }: InheritedMemory,
): SlotMemory | undefined {
  const { size, behind, bytesAt, addressOf } = memory;
  const library = outputLibrary(libc);
  if (!library) return undefined;
  closeOnExec(libc, memory, outputs);
  closeOnExec(libc, memory, inputs);
  const start = libc.mmap(null, size(bytes), PROTECTION, MAP_FLAGS, inputs, size(0));
  const first = start === null ? undefined : bytesAt(start, 1);
  if (start === null || !first) return undefined;
  const address = addressOf(first);
  const pages = Pages.open(libc, size);
  const written = new OutputMemory(library, memory, outputs, mappedBytes);
  return {
    input: (at, bytes) => new Uint8Array(bytesAt(behind(start, at), bytes) as ArrayBuffer),
    inputAddress: (at) => address + BigInt(at),
    ...new MappedInputs(libc, memory, inputs).functions,
    isInputWritten: (at, bytes) => pages?.haveBecomeOwn(address + BigInt(at), bytes) ?? true,
    restoreInput: (at, bytes) => {
      library.madvise(behind(start, at), size(bytes), MADV_DONTNEED);
    },
    isOutputThere: (core) => written.isThere(core),
    writeOutput: (at, core) => written.write(at, core),
  };
}

/** What is mapped of the inputs that are mapped one by one. A slot has one at a time. */
class MappedInputs<Pointer, Size> {
  readonly #libc: CLibrary<Pointer, Size>;
  readonly #memory: ForeignMemory<Pointer, Size>;
  readonly #fd: number;
  #mapped: { readonly start: Pointer; readonly bytes: number } | undefined;

  constructor(libc: CLibrary<Pointer, Size>, memory: ForeignMemory<Pointer, Size>, fd: number) {
    this.#libc = libc;
    this.#memory = memory;
    this.#fd = fd;
  }

  get functions(): Pick<SlotMemory, "mapInput" | "unmapInput"> {
    return {
      mapInput: (at, bytes) => this.#map(at, bytes),
      unmapInput: () => this.#unmap(),
    };
  }

  #map(at: number, bytes: number): bigint | undefined {
    this.#unmap();
    const { size, bytesAt, addressOf } = this.#memory;
    const start = this.#libc.mmap(null, size(bytes), PROTECTION, MAP_FLAGS, this.#fd, size(at));
    const first = start === null ? undefined : bytesAt(start, 1);
    if (start === null || !first) return undefined;
    this.#mapped = { start, bytes };
    return addressOf(first);
  }

  #unmap(): void {
    if (this.#mapped) this.#libc.munmap(this.#mapped.start, this.#memory.size(this.#mapped.bytes));
    this.#mapped = undefined;
  }
}
