/**
 * A slot's connection to its worker: a Unix socket with the blocking calls of the C library. Blocking is
 * right here, and this is several times faster than a child process's pipes (see ARCHITECTURE.md).
 */

import type { NativePointer, SlotChannel } from "./ports.ts";

const LIBC_SYMBOLS = {
  // int socket(int domain, int type, int protocol)
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int connect(int fd, const struct sockaddr *address, socklen_t length)
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // ssize_t read(int fd, void *buffer, size_t count); a count of at most 1 GiB comes back in 32 bits
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // ssize_t write(int fd, const void *buffer, size_t count)
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  writeNative: { name: "write", parameters: ["i32", "pointer", "usize"], result: "i32" },
  // pid_t setsid(void)
  setsid: { parameters: [], result: "i32" },
  // int prctl(int option, unsigned long argument, …), Linux
  prctl: { parameters: ["i32", "u64"], result: "i32", optional: true },
  // int *__errno_location(void), Linux; int *__error(void), macOS
  __errno_location: { parameters: [], result: "pointer", optional: true },
  __error: { parameters: [], result: "pointer", optional: true },
} as const;

type Libc = ReturnType<typeof Deno.dlopen<typeof LIBC_SYMBOLS>>["symbols"];

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9n;
const EINTR = 4;
const CALL_BYTES_MAX = 2 ** 30;

/** Connects to the worker's socket and makes this process a session of its own. */
export function openSlotChannel(socketPath: string): SlotChannel {
  const libc = openLibc();
  // A terminal's Ctrl-C goes to all of its foreground processes; how a slot ends is its worker's business.
  libc.setsid();
  // A worker that is killed can't end its slots, and one that computes wouldn't notice for hours.
  libc.prctl?.(PR_SET_PDEATHSIG, SIGKILL);
  const fd = check(libc, "socket", libc.socket(AF_UNIX, SOCK_STREAM, 0));
  const address = unixAddress(socketPath);
  check(libc, "connect", libc.connect(fd, address, address.byteLength));
  return new LibcChannel(libc, fd);
}

function openLibc(): Libc {
  const names = Deno.build.os === "darwin"
    ? ["/usr/lib/libSystem.B.dylib"]
    : ["libc.so.6", `libc.musl-${Deno.build.arch}.so.1`];
  for (const name of names) {
    try {
      return Deno.dlopen(name, LIBC_SYMBOLS).symbols;
    } catch {
      // Try the next name; the sentence below covers them all.
    }
  }
  throw new Error(`Cannot find the C library of this system under ${names.join(" or ")}`);
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
      const bytes = this.#libc.read(this.#fd, into, BigInt(count));
      if (bytes >= 0) return bytes;
      if (errnoOf(this.#libc) !== EINTR) check(this.#libc, "read", bytes);
    }
  }

  write(bytes: Uint8Array<ArrayBuffer>): void {
    let rest = bytes;
    while (rest.byteLength > 0) {
      const count = Math.min(rest.byteLength, CALL_BYTES_MAX);
      rest = rest.subarray(this.#written(this.#libc.write(this.#fd, rest, BigInt(count))));
    }
  }

  writeNative(pointer: NativePointer, bytes: number): void {
    for (let sent = 0; sent < bytes;) {
      const at = Deno.UnsafePointer.offset(pointer as unknown as Deno.PointerObject, sent);
      const count = Math.min(bytes - sent, CALL_BYTES_MAX);
      sent += this.#written(this.#libc.writeNative(this.#fd, at, BigInt(count)));
    }
  }

  /** Bytes that a `write` has taken: none when a signal came in between. */
  #written(result: number): number {
    if (result >= 0) return result;
    return errnoOf(this.#libc) === EINTR ? 0 : check(this.#libc, "write", result);
  }
}

/** `struct sockaddr_un`: Linux begins with a 16-bit family, macOS with the length and an 8-bit family. */
function unixAddress(path: string): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(path);
  const address = new Uint8Array(2 + name.byteLength + 1);
  if (Deno.build.os === "darwin") address.set([address.byteLength, AF_UNIX]);
  else address.set([AF_UNIX, 0]);
  address.set(name, 2);
  return address;
}

function check(libc: Libc, call: string, result: number): number {
  if (result < 0) {
    throw new Error(`${call} on the worker's socket failed with errno ${errnoOf(libc)}`);
  }
  return result;
}

function errnoOf(libc: Libc): number {
  const pointer = (libc.__errno_location ?? libc.__error)?.();
  return pointer ? new Deno.UnsafePointerView(pointer).getInt32() : 0;
}
