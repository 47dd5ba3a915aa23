/** The functions of the C library that `direct_files.ts` calls. */

import { CLOSE, ERRNO_LOCATION, READ, STATX, WRITE } from "../native/c_declarations.ts";
import type { CFunction } from "../native/c_functions.ts";

/** Declares the functions of the C library. `mode` belongs to `…`. */
export const DIRECT_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  statx: STATX,
  // int openat(int folder, const char *path, int flags, …)
  openat: { args: ["i32", "buffer", "i32", "u32"], returns: "i32" },
  read: READ,
  write: WRITE,
  close: CLOSE,
  // int renameat(int folder, const char *path, int new_folder, const char *new_path)
  renameat: { args: ["i32", "buffer", "i32", "buffer"], returns: "i32" },
  // ssize_t getdents64(int fd, void *entries, size_t count), since glibc 2.30
  getdents64: { args: ["i32", "buffer", "size"], returns: "i32" },
  errnoLocation: ERRNO_LOCATION,
};

/** The functions that `DIRECT_FUNCTIONS` declares. They return what C returns. */
export interface DirectLibrary {
  statx(folder: number, path: Uint8Array, flags: number, mask: number, stats: Uint8Array): number;
  openat(folder: number, path: Uint8Array, flags: number, mode: number): number;
  read(fd: number, into: Uint8Array, count: number): number;
  write(fd: number, bytes: Uint8Array, count: number): number;
  close(fd: number): number;
  renameat(folder: number, path: Uint8Array, newFolder: number, newPath: Uint8Array): number;
  getdents64(fd: number, into: Uint8Array, count: number): number;
  errno(): number;
}
