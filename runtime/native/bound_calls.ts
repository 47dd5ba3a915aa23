/**
 * Binds all calls of a library, so that one which no library has is an error now, and not in the middle of a job. Slots get `LD_BIND_NOW` for that; a process that the user has started may lack it.
 */

import { CoreLoadError } from "../ports.ts";
import { loadProblem } from "../address_space.ts";
import { platform } from "../this_process.ts";
import type { CFunction, ForeignMemory } from "./c_functions.ts";

/** Declares what is needed of the loader. */
export const LOADER_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  // void *dlopen(const char *path, int mode)
  dlopen: { args: ["buffer", "i32"], returns: "pointer" },
  // char *dlerror(void)
  dlerror: { args: [], returns: "pointer" },
};

/** The functions that `LOADER_FUNCTIONS` declares. */
export interface LoaderLibrary<Pointer> {
  dlopen(path: Uint8Array, mode: number): Pointer | null;
  dlerror(): Pointer | null;
}

/** RTLD_NOW, and RTLD_LOCAL, which is 0 on Linux. */
const NOW_AND_LOCAL = platform === "darwin" ? 0x2 | 0x4 : 0x2;

/** A longer message is cut. */
const MESSAGE_BYTES_MAX = 4096;

/**
 * Loads the library at `path` and binds its calls: whoever loads it after that gets the same one. Throws a
 * `CoreLoadError` with the message of the system's loader.
 */
export function bindCalls<Pointer, Size>(
  library: LoaderLibrary<Pointer>,
  memory: ForeignMemory<Pointer, Size>,
  path: string,
): void {
  const handle = library.dlopen(new TextEncoder().encode(`${path}\0`), NOW_AND_LOCAL);
  if (handle) return;
  const reason = messageAt(library.dlerror(), memory).replaceAll(`${path}: `, "");
  throw new CoreLoadError(loadProblem(reason));
}

/** The text up to its zero byte. The loader owns it. */
function messageAt<Pointer, Size>(
  start: Pointer | null,
  memory: ForeignMemory<Pointer, Size>,
): string {
  const bytes: number[] = [];
  const byte = new Uint8Array(1);
  for (let at = 0; start && at < MESSAGE_BYTES_MAX; at++) {
    memory.copy(memory.behind(start, at), byte);
    if (byte[0] === 0) break;
    bytes.push(...byte);
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
