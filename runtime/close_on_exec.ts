/** Descriptors of a slot that programs started by its core do not get: they could speak in the name of the slot. */

import process from "node:process";
import type { CLibrary, ForeignMemory } from "./c_functions.ts";

/** FIOCLEX. Unlike `fcntl`, it takes no variable argument, which macOS passes in another way. */
const CLOSE_ON_EXEC = process.platform === "darwin" ? 0x2000_6601 : 0x5451;

/** Closes a descriptor in every program that this process starts. */
export function closeOnExec<Pointer, Size>(
  libc: Pick<CLibrary<Pointer, Size>, "ioctlPlain">,
  memory: Pick<ForeignMemory<Pointer, Size>, "size">,
  fd: number,
): void {
  libc.ioctlPlain(fd, memory.size(CLOSE_ON_EXEC), null);
}
