/**
 * A slot's connection to its worker: a Unix socket with the blocking calls of the C library. Blocking is
 * right here, and this is several times faster than a child process's pipes (see ARCHITECTURE.md).
 */

import process from "node:process";
import type { NativePointer, SlotChannel } from "./ports.ts";

/** The C library, as far as a slot needs it. Calls return what C returns. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  connect(fd: number, address: Uint8Array<ArrayBuffer>): number;
  /** At most 1 GiB a call, so that the count comes back in 32 bits. */
  read(fd: number, into: Uint8Array<ArrayBuffer>, count: number): number;
  write(fd: number, from: Uint8Array<ArrayBuffer>, count: number): number;
  /** Writes `count` bytes from `offset` bytes behind `from`. */
  writeNative(fd: number, from: NativePointer, offset: number, count: number): number;
  /** `path` ends with a zero. */
  open(path: Uint8Array<ArrayBuffer>, flags: number): number;
  close(fd: number): number;
  /** `mmap` of a whole file, for reading and writing; `undefined` if that failed. */
  map(fd: number, bytes: number): ArrayBuffer | undefined;
  setsid(): number;
  /** Linux: has the system send `signal` to this process when its parent ends. */
  signalAtParentsDeath(signal: number): void;
  errno(): number;
}

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const O_RDWR = 2;
const SIGKILL = 9;
const EINTR = 4;
const CALL_BYTES_MAX = 2 ** 30;

/** For `Libc.map`: PROT_READ and PROT_WRITE, and MAP_SHARED, which are the same on Linux and macOS. */
export const MAP_PROTECTION = 3;
export const MAP_FLAGS = 1;

/** Where the C library is, in the order to try. */
export function libcNames(): string[] {
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  return process.platform === "darwin"
    ? ["/usr/lib/libSystem.B.dylib"]
    : ["libc.so.6", `libc.musl-${machine}.so.1`];
}

/** Connects to the worker's socket, and makes this process a session of its own that ends with the worker. */
export function connectChannel(libc: Libc, socketPath: string): SlotChannel {
  // A terminal's Ctrl-C goes to all of its foreground processes; how a slot ends is its worker's business.
  libc.setsid();
  // A worker that is killed can't end its slots, and one that computes wouldn't notice for hours.
  libc.signalAtParentsDeath(SIGKILL);
  const fd = libc.socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) throw failed(libc, "socket");
  if (libc.connect(fd, unixAddress(socketPath)) < 0) throw failed(libc, "connect");
  return new LibcChannel(libc, fd);
}

class LibcChannel implements SlotChannel {
  readonly #libc: Libc;
  readonly #fd: number;

  constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
  }

  read(into: Uint8Array<ArrayBuffer>): number {
    const count = Math.min(into.byteLength, CALL_BYTES_MAX);
    for (;;) {
      const bytes = this.#libc.read(this.#fd, into, count);
      if (bytes >= 0) return bytes;
      if (this.#libc.errno() !== EINTR) throw failed(this.#libc, "read");
    }
  }

  write(bytes: Uint8Array<ArrayBuffer>): void {
    let rest = bytes;
    while (rest.byteLength > 0) {
      const count = Math.min(rest.byteLength, CALL_BYTES_MAX);
      rest = rest.subarray(this.#written(this.#libc.write(this.#fd, rest, count)));
    }
  }

  writeNative(pointer: NativePointer, bytes: number): void {
    for (let sent = 0; sent < bytes;) {
      const count = Math.min(bytes - sent, CALL_BYTES_MAX);
      sent += this.#written(this.#libc.writeNative(this.#fd, pointer, sent, count));
    }
  }

  /** The mapping stays until the process ends. It outlives its file descriptor, and the file's name. */
  share(path: string, bytes: number): ArrayBuffer {
    const fd = this.#libc.open(new TextEncoder().encode(`${path}\0`), O_RDWR);
    if (fd < 0) throw new Error(`open of ${path} failed with errno ${this.#libc.errno()}`);
    const memory = this.#libc.map(fd, bytes);
    if (!memory) throw new Error(`mmap of ${path} failed with errno ${this.#libc.errno()}`);
    this.#libc.close(fd);
    return memory;
  }

  /** Bytes that a `write` has taken: none when a signal came in between. */
  #written(result: number): number {
    if (result >= 0) return result;
    if (this.#libc.errno() === EINTR) return 0;
    throw failed(this.#libc, "write");
  }
}

/** `struct sockaddr_un`: Linux begins with a 16-bit family, macOS with the length and an 8-bit family. */
function unixAddress(path: string): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(path);
  const address = new Uint8Array(2 + name.byteLength + 1);
  if (process.platform === "darwin") address.set([address.byteLength, AF_UNIX]);
  else address.set([AF_UNIX, 0]);
  address.set(name, 2);
  return address;
}

function failed(libc: Libc, call: string): Error {
  return new Error(`${call} on the worker's socket failed with errno ${libc.errno()}`);
}
