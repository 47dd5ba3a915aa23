/**
 * The system's buffer of what a Unix socket has still to send. Unlike that of TCP it does not grow by itself: it is 208
 * KiB, so that a megabyte takes five writes, and for each of them both processes have to wake up. Linux only.
 */

import type { CFunction } from "./c_functions.ts";

/** A larger write is the reason for a larger buffer. Most processes never do one. */
export const LARGE_WRITE_BYTES = 32 * 1024;

/** Some large payloads. The system doubles it for its own needs, and may allow less (`net.core.wmem_max`). */
const BUFFER_BYTES = 4 * 1024 * 1024;

const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_DOMAIN = 39;
const AF_UNIX = 1;

/** Where descriptors are looked for. Connections to a worker or a run of the same machine are among the first ones. */
const DESCRIPTORS_MAX = 1024;

/** The function of the C library for it. */
export const SEND_BUFFER_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  // int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
  setsockopt: { args: ["i32", "i32", "i32", "buffer", "u32"], returns: "i32" },
};

/** The function that `SEND_BUFFER_FUNCTIONS` declares. */
export interface SendBufferLibrary {
  setsockopt(fd: number, level: number, option: number, value: Int32Array, size: number): number;
}

/** The functions for it where a runtime does not tell the descriptors of its sockets. */
export const UNIX_BUFFER_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  ...SEND_BUFFER_FUNCTIONS,
  // int getsockopt(int fd, int level, int option, void *value, socklen_t *size)
  getsockopt: { args: ["i32", "i32", "i32", "buffer", "buffer"], returns: "i32" },
};

/** The functions that `UNIX_BUFFER_FUNCTIONS` declares. */
export interface UnixBufferLibrary extends SendBufferLibrary {
  getsockopt(
    fd: number,
    level: number,
    option: number,
    value: Int32Array,
    size: Uint32Array,
  ): number;
}

/** Enlarges the buffer of an open socket. If the system refuses, writes take as long as before. */
export function enlargeSendBuffer(library: SendBufferLibrary, fd: number): void {
  const value = Int32Array.of(BUFFER_BYTES);
  if (fd >= 0) library.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, value, value.byteLength);
}

/** Enlarges the buffers of all Unix sockets of this process. Those that need none take no more memory. */
export function enlargeUnixSendBuffers(library: UnixBufferLibrary): void {
  const domain = new Int32Array(1);
  const size = new Uint32Array(1);
  for (let fd = 0; fd < DESCRIPTORS_MAX; fd++) {
    size[0] = domain.byteLength;
    const isSocket = library.getsockopt(fd, SOL_SOCKET, SO_DOMAIN, domain, size) === 0;
    if (isSocket && domain[0] === AF_UNIX) enlargeSendBuffer(library, fd);
  }
}
