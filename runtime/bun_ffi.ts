/** Compute cores and the C library through Bun's foreign function interface. */

import process from "node:process";
import { type BunFunction, type BunPointer as Pointer, ffi } from "./bun_api.ts";
import { connectChannel, type Libc, libcNames, MAP_FLAGS, MAP_PROTECTION } from "./libc_channel.ts";
import { type CoreFunctions, ForeignCore, type ForeignMemory } from "./native_core.ts";
import { CoreLoadError, type NativeCore, type SlotChannel } from "./ports.ts";

/** The compute core API, version 1. */
const CORE_SYMBOLS: Record<string, BunFunction> = {
  // int32_t worker_init(int32_t version)
  worker_init: { args: ["i32"], returns: "i32" },
  // int32_t worker_run_job(uint64_t size, void *data, uint64_t *outsize, void **outdata)
  worker_run_job: { args: ["u64", "ptr", "ptr", "ptr"], returns: "i32" },
  // void worker_free_outdata(uint64_t size, void *outdata)
  worker_free_outdata: { args: ["u64", "ptr"], returns: "void" },
};

const IS_MACOS = process.platform === "darwin";
const ERRNO = IS_MACOS ? "__error" : "__errno_location";

/** What we need of the C library; each with its declaration in C. */
interface CLibrary {
  // int socket(int domain, int type, int protocol)
  socket(domain: number, type: number, protocol: number): number;
  // int connect(int fd, const struct sockaddr *address, socklen_t length)
  connect(fd: number, address: Uint8Array, length: number): number;
  // ssize_t read(int fd, void *buffer, size_t count); see Libc for why 32 bits are enough
  read(fd: number, buffer: Uint8Array, count: number): number;
  // ssize_t write(int fd, const void *buffer, size_t count)
  write(fd: number, buffer: Uint8Array | Pointer, count: number): number;
  // int open(const char *path, int flags, …)
  open(path: Uint8Array, flags: number): number;
  // int close(int fd)
  close(fd: number): number;
  // void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
  mmap(
    address: null,
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ): Pointer | null;
  // pid_t setsid(void)
  setsid(): number;
  // void *memcpy(void *to, const void *from, size_t count)
  memcpy(to: Uint8Array, from: Pointer, count: number): Pointer;
  // void (*signal(int number, void (*handler)(int)))(int)
  signal(number: number, handler: null): Pointer;
}

const LIBC_SYMBOLS: Record<keyof CLibrary, BunFunction> = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  read: { args: ["i32", "ptr", "u64"], returns: "i32" },
  write: { args: ["i32", "ptr", "u64"], returns: "i32" },
  open: { args: ["ptr", "i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  mmap: { args: ["ptr", "u64", "i32", "i32", "i32", "u64"], returns: "ptr" },
  setsid: { args: [], returns: "i32" },
  memcpy: { args: ["ptr", "ptr", "u64"], returns: "ptr" },
  signal: { args: ["i32", "ptr"], returns: "ptr" },
};

const PR_SET_PDEATHSIG = 1;
const SIG_DFL = null;
/** No address of a process is this large. */
const POINTER_MAX = 2 ** 63;
/** SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV. */
const CRASH_SIGNALS = [4, 5, 6, IS_MACOS ? 10 : 7, 8, 11];

const libc = openLibrary<CLibrary>(LIBC_SYMBOLS);

const memory: ForeignMemory<Pointer> = {
  addressOf: (buffer) => BigInt(ffi.ptr(buffer)),
  pointerTo: (address) => Number(address) as Pointer,
  copy: (from, into) => libc.memcpy(into, from, into.byteLength),
};

/** Loads the library at `path`, an absolute path, as a compute core. */
export function openCore(path: string): NativeCore {
  const opened: { close(): void }[] = [];
  const close = () => opened.forEach((library) => library.close());
  const functions: Record<string, unknown> = { close };
  const missing: string[] = [];
  // One by one, so that we can name all that is missing. The library itself is loaded once and counted.
  for (const [name, declaration] of Object.entries(CORE_SYMBOLS)) {
    try {
      const library = ffi.dlopen(path, { [name]: declaration });
      functions[name] = library.symbols[name];
      opened.push(library);
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      if (!text.includes(`"${name}"`)) throw new CoreLoadError(reasonIn(text, path), { cause });
      missing.push(name);
    }
  }
  if (missing.length === 0) {
    return new ForeignCore(functions as unknown as CoreFunctions<Pointer>, memory);
  }
  close();
  throw new CoreLoadError(`it lacks ${missing.join(", ")}`);
}

function reasonIn(text: string, path: string): string {
  return text.replace(/^Failed to open library[^:]*: /, "").replaceAll(`${path}: `, "");
}

/** Connects a slot to its worker. */
export function openSlotChannel(socketPath: string): SlotChannel {
  // A core's crash is the core's: let the process die of the signal, without Bun's report of its own.
  for (const number of CRASH_SIGNALS) libc.signal(number, SIG_DFL);
  return connectChannel(slotLibc(), socketPath);
}

function slotLibc(): Libc {
  return {
    socket: libc.socket,
    connect: (fd, address) => libc.connect(fd, address, address.byteLength),
    read: (fd, into, count) => libc.read(fd, into, count),
    write: (fd, from, count) => libc.write(fd, from, count),
    writeNative: (fd, from, offset, count) =>
      libc.write(fd, (from as unknown as number) + offset as Pointer, count),
    open: libc.open,
    close: libc.close,
    map: (fd, bytes) => {
      const pointer = libc.mmap(null, bytes, MAP_PROTECTION, MAP_FLAGS, fd, 0);
      if (!pointer || pointer < 0 || pointer >= POINTER_MAX) return undefined; // MAP_FAILED is -1
      return ffi.toArrayBuffer(pointer, 0, bytes);
    },
    setsid: libc.setsid,
    signalAtParentsDeath,
    errno: () => ffi.read.i32(errnoLocation()),
  };
}

function signalAtParentsDeath(signal: number): void {
  if (process.platform !== "linux") return;
  // int prctl(int option, unsigned long argument, …)
  const { prctl } = openLibrary<{ prctl(option: number, argument: number): number }>({
    prctl: { args: ["i32", "u64"], returns: "i32" },
  });
  prctl(PR_SET_PDEATHSIG, signal);
}

/** int *__errno_location(void), Linux; int *__error(void), macOS */
const errnoLocation = openLibrary<Record<string, () => Pointer>>({
  [ERRNO]: { args: [], returns: "ptr" },
})[ERRNO] as () => Pointer;

function openLibrary<T>(functions: Record<string, BunFunction>): T {
  const names = libcNames();
  for (const name of names) {
    try {
      return ffi.dlopen(name, functions).symbols as T;
    } catch {
      // Try the next name; the sentence below covers them all.
    }
  }
  throw new Error(`Cannot find the C library of this system under ${names.join(" or ")}`);
}
