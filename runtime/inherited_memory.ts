/** The memory that a slot shares with its worker, of which it has inherited descriptors. Linux only. */

import type { CLibrary, ForeignMemory } from "./c_functions.ts";
import { closeOnExec } from "./close_on_exec.ts";
import { Pages } from "./own_pages.ts";
import type { InheritedMemory, SlotMemory } from "./ports.ts";

/** PROT_READ and PROT_WRITE; MAP_PRIVATE and MAP_NORESERVE. */
const PROTECTION = 3;
const MAP_FLAGS = 0x4002;
const MADV_DONTNEED = 4;
const CALL_BYTES_MAX = 2 ** 30;

/**
 * Maps the inputs, which stay mapped until the process ends, and closes their descriptor. Outputs are not mapped:
 * they would count as memory of this process, and one that a core does not have would crash it. What the core starts
 * gets none of the descriptors.
 */
export function takeMemory<Pointer, Size>(
  libc: CLibrary<Pointer, Size>,
  memory: ForeignMemory<Pointer, Size>,
  { inputs, outputs, bytes }: InheritedMemory,
): SlotMemory | undefined {
  const { size, behind, bytesAt, addressOf } = memory;
  const { madvise, pwrite } = libc;
  if (!madvise || !pwrite) return undefined;
  closeOnExec(libc, memory, outputs);
  const start = libc.mmap(null, size(bytes), PROTECTION, MAP_FLAGS, inputs, size(0));
  libc.close(inputs);
  const first = start === null ? undefined : bytesAt(start, 1);
  if (start === null || !first) return undefined;
  const address = addressOf(first);
  const pages = Pages.open(libc, size);
  return {
    input: (at, bytes) => new Uint8Array(bytesAt(behind(start, at), bytes) as ArrayBuffer),
    inputAddress: (at) => address + BigInt(at),
    isInputWritten: pages ? (at, bytes) => pages.hasOwn(address + BigInt(at), bytes) : () => true,
    restoreInput: (at, bytes) => void madvise(behind(start, at), size(bytes), MADV_DONTNEED),
    writeOutput: (at, pointer, bytes) => {
      const from = pointer as unknown as Pointer;
      for (let done = 0; done < bytes;) {
        const count = size(Math.min(bytes - done, CALL_BYTES_MAX));
        const written = pwrite(outputs, behind(from, done), count, size(at + done));
        if (written <= 0) return false;
        done += written;
      }
      return true;
    },
  };
}
