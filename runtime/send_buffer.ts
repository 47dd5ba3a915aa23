/**
 * The system's buffer of what a Unix socket has still to send. Unlike that of TCP it does not grow by itself: it is 208
 * KiB, so that a megabyte takes five writes, and for each of them both processes have to wake up. Linux only.
 */

import type { CFunction } from "./c_functions.ts";

/** A larger write is the reason for a larger buffer. Most processes never do one. */
export const LARGE_WRITE_BYTES = 256 * 1024;

/** The system doubles it for its own needs, and may allow less. */
const BUFFER_BYTES = 1024 * 1024;

const SOL_SOCKET = 1;
const SO_SNDBUF = 7;

/** The function of the C library for it. */
export const SEND_BUFFER_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  // int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
  setsockopt: { args: ["i32", "i32", "i32", "buffer", "u32"], returns: "i32" },
};

/** The function that `SEND_BUFFER_FUNCTIONS` declares. */
export interface SendBufferLibrary {
  setsockopt(fd: number, level: number, option: number, value: Int32Array, size: number): number;
}

/** Enlarges the buffer of an open socket. If the system refuses, writes take as long as before. */
export function enlargeSendBuffer(library: SendBufferLibrary, fd: number): void {
  const value = Int32Array.of(BUFFER_BYTES);
  if (fd >= 0) library.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, value, value.byteLength);
}
