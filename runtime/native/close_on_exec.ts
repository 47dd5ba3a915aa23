/** Which descriptors of a process the programs that it starts get: those of a slot could speak in its name. */

import { IOCTL_PLAIN } from "./c_declarations.ts";
import type { CFunction, CLibrary, ForeignMemory } from "./c_functions.ts";
import { platform } from "../this_process.ts";

/** FIOCLEX and FIONCLEX. Unlike `fcntl`, they take no variable argument, which macOS passes in another way. */
const CLOSE_ON_EXEC = platform === "darwin" ? 0x2000_6601 : 0x5451;
const KEEP_ON_EXEC = platform === "darwin" ? 0x2000_6602 : 0x5450;

/** The function that this needs. */
export type ExecLibrary<Pointer, Size> = Pick<CLibrary<Pointer, Size>, "ioctlPlain">;

/** Declares `ExecLibrary`. */
export const EXEC_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  ioctlPlain: IOCTL_PLAIN,
};

/** Closes a descriptor in every program that this process starts. */
export function closeOnExec<Pointer, Size>(
  libc: ExecLibrary<Pointer, Size>,
  memory: Pick<ForeignMemory<Pointer, Size>, "size">,
  fd: number,
): void {
  libc.ioctlPlain(fd, memory.size(CLOSE_ON_EXEC), null);
}

/** Keeps it open in them. */
export function keepOnExec<Pointer, Size>(
  libc: ExecLibrary<Pointer, Size>,
  memory: Pick<ForeignMemory<Pointer, Size>, "size">,
  fd: number,
): void {
  libc.ioctlPlain(fd, memory.size(KEEP_ON_EXEC), null);
}
