/** The memory that a slot shares with its worker, of which it has inherited descriptors. Linux only. */

import type { CLibrary, ForeignMemory } from "./c_functions.ts";
import { closeOnExec } from "./close_on_exec.ts";
import { outputLibrary, OutputMemory } from "./output_memory.ts";
import { Pages } from "./own_pages.ts";
import type { InheritedMemory, SlotMemory } from "./ports.ts";

/** PROT_READ and PROT_WRITE; MAP_PRIVATE and MAP_NORESERVE. */
const PROTECTION = 3;
const MAP_FLAGS = 0x4002;
const MADV_DONTNEED = 4;

/**
 * Maps the inputs, which stay mapped until the process ends, and closes their descriptor. What the core starts gets
 * none of the descriptors.
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
  const start = libc.mmap(null, size(bytes), PROTECTION, MAP_FLAGS, inputs, size(0));
  libc.close(inputs);
  const first = start === null ? undefined : bytesAt(start, 1);
  if (start === null || !first) return undefined;
  const address = addressOf(first);
  const pages = Pages.open(libc, size);
  const written = new OutputMemory(library, memory, outputs, mappedBytes);
  return {
    input: (at, bytes) => new Uint8Array(bytesAt(behind(start, at), bytes) as ArrayBuffer),
    inputAddress: (at) => address + BigInt(at),
    isInputWritten: pages ? (at, bytes) => pages.hasOwn(address + BigInt(at), bytes) : () => true,
    restoreInput: (at, bytes) => {
      library.madvise(behind(start, at), size(bytes), MADV_DONTNEED);
    },
    writeOutput: (at, core) => written.write(at, core),
  };
}
