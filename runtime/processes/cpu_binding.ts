/** Binds this process to some CPUs, on Linux: its threads run on no others, nor do those that they start. */

import { ffi } from "../ffi.ts";
import type { AffinityLibrary } from "../native/c_functions.ts";
import { fs } from "../late_modules.ts";
import { pid } from "../this_process.ts";

const TASKS = "/proc/self/task";

/** Binds all threads of this process, which the runtime has started before. Rejects if the system refuses. */
export async function bindToCpus(cpus: readonly number[]): Promise<void> {
  bindThreads(await open(), cpus, () => fs().readdirSync(TASKS).map(Number), pid);
}

/** Binds each thread. While it does, a thread that is not bound yet may start another one. */
export function bindThreads(
  library: AffinityLibrary,
  cpus: readonly number[],
  threads: () => readonly number[],
  mainThread: number,
): void {
  const mask = maskOf(cpus);
  const bound = new Set<number>();
  for (let found = threads(); found.length > 0;) {
    for (const thread of found) {
      const result = library.sched_setaffinity(thread, mask.byteLength, mask);
      // Any other thread may have ended.
      if (result !== 0 && thread === mainThread) {
        throw new Error(`Cannot bind this process to the CPUs ${cpus.join(", ")}`);
      }
      bound.add(thread);
    }
    found = threads().filter((thread) => !bound.has(thread));
  }
}

/** A `cpu_set_t`: a bit for each CPU, in words of 64 bits. */
function maskOf(cpus: readonly number[]): Uint8Array<ArrayBuffer> {
  const words = Math.floor(Math.max(...cpus) / 64) + 1;
  const mask = new Uint8Array(words * BigUint64Array.BYTES_PER_ELEMENT);
  // On machines whose numbers begin with the lowest byte, as all of ours, byte n has the CPUs from 8 × n on.
  for (const cpu of cpus) mask[Math.floor(cpu / 8)]! |= 1 << (cpu % 8);
  return mask;
}

async function open(): Promise<AffinityLibrary> {
  return (await ffi()).openAffinityLibrary();
}
