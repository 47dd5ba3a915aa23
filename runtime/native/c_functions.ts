/**
 * Declarations of the C functions that are called: the compute core API and the C library. The adapters translate
 * these tables for the foreign function interfaces of Deno and Bun.
 */

import { reasonOf } from "../error_text.ts";
import { addressSpaceNote } from "../address_space.ts";
import {
  type CFunction,
  CLOCK_GETTIME,
  CLOSE,
  CONNECT,
  ERRNO_LOCATION,
  GETPAGESIZE,
  IOCTL_PLAIN,
  MINCORE,
  MMAP,
  type Mmap,
  MUNMAP,
  OPEN,
  PRCTL,
  READ,
  SIGACTION,
  SOCKET,
  STATX,
  WRITE,
} from "./c_declarations.ts";
import { arch, platform } from "../this_process.ts";

export type { CFunction, CType } from "./c_declarations.ts";

/** The compute core API, version 1. A test compares it with `include/distcomp.h`. */
export const CORE_API: Readonly<Record<string, CFunction>> = {
  // int32_t worker_init(int32_t version)
  worker_init: { args: ["i32"], returns: "i32" },
  // int32_t worker_run_job(uint64_t size, void *data, uint64_t *outsize, void **outdata)
  worker_run_job: { args: ["u64", "pointer", "pointer", "pointer"], returns: "i32" },
  // void worker_free_outdata(uint64_t size, void *outdata)
  worker_free_outdata: { args: ["u64", "pointer"], returns: "void" },
};

/** Memory access through a runtime's foreign function interface. `Size` is its type for size_t. */
export interface ForeignMemory<Pointer, Size> {
  size(count: number): Size;
  /** The address of a buffer's bytes. */
  addressOf(buffer: ArrayBuffer): bigint;
  /** A pointer to pass to a function. `address` is not 0. */
  pointerTo(address: bigint): Pointer;
  /** A pointer `bytes` bytes after another one. */
  behind(pointer: Pointer, bytes: number): Pointer;
  /** Copies bytes out of foreign memory. */
  copy(from: Pointer, into: Uint8Array<ArrayBuffer>): void;
  /** Copies bytes between addresses. A copy by way of an array that is made for it takes several times as long. */
  move(to: bigint, from: bigint, count: number): void;
  /** Foreign memory as a buffer, without a copy; `undefined` for -1, which is how mmap fails. */
  bytesAt(pointer: Pointer, bytes: number): ArrayBuffer | undefined;
  int32At(pointer: Pointer): number;
  /** The pointer that stands at an address; null if it is a null pointer. */
  pointerAt(pointer: Pointer): Pointer | null;
}

/** The functions of the C library that a slot needs. They return what C returns. */
export interface CLibrary<Pointer, Size> {
  socket(domain: number, type: number, protocol: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  read(fd: number, buffer: Uint8Array, count: Size): number;
  write(fd: number, buffer: Uint8Array, count: Size): number;
  writeNative(fd: number, from: Pointer, count: Size): number;
  open(path: Uint8Array, flags: number): number;
  close(fd: number): number;
  mmap: Mmap<Pointer, Size>;
  munmap(address: Pointer, length: Size): number;
  signal(number: number, handler: Pointer | null): Pointer | null;
  dup(fd: number): number;
  dup2(fd: number, target: number): number;
  /** `ioctl` for requests that take no memory. */
  ioctlPlain(fd: number, request: Size, memory: null): number;
  setvbuf(stream: Pointer, buffer: Pointer | null, mode: number, size: Size): number;
  fflush(stream: Pointer): number;
  getrlimit(resource: number, limits: Uint8Array): number;
  setrlimit(resource: number, limits: Uint8Array): number;
  exit(status: number): void;
  clock_gettime(clock: number, time: Uint8Array): number;
  errnoLocation(): Pointer | null;
  /** Linux only. */
  madvise?(address: Pointer, length: Size, advice: number): number;
  /** Linux only. */
  getpagesize?(): number;
  /** Linux only. */
  getrusage?(whose: number, usage: Uint8Array): number;
  /** Linux only. */
  pread?(fd: number, into: Uint8Array, count: Size, offset: Size): number;
  /** Linux only. */
  pwrite?(fd: number, from: Pointer, count: Size, offset: Size): number;
  /** Linux only. */
  mincore?(address: Pointer, length: Size, pages: Uint8Array): number;
  /** Linux only. */
  memcpy?(to: Pointer, from: Pointer, count: Size): Pointer | null;
  /** Linux only. */
  prctl?(option: number, argument: Size): number;
  /** Linux only. */
  ioctl?(fd: number, request: Size, result: Uint8Array): number;
}

const IS_MACOS = platform === "darwin";

/** Declares `CLibrary`. At most 1 GiB is read or written at once, so that the result fits into 32 bits. */
export const C_LIBRARY: Readonly<Record<string, CFunction>> = {
  socket: SOCKET,
  connect: CONNECT,
  read: READ,
  write: WRITE,
  writeNative: { symbol: "write", args: ["i32", "pointer", "size"], returns: "i32" },
  open: OPEN,
  close: CLOSE,
  mmap: MMAP,
  munmap: MUNMAP,
  // void *signal(int number, void *handler)
  signal: { args: ["i32", "pointer"], returns: "pointer" },
  // int dup(int fd)
  dup: { args: ["i32"], returns: "i32" },
  // int dup2(int fd, int target)
  dup2: { args: ["i32", "i32"], returns: "i32" },
  ioctlPlain: IOCTL_PLAIN,
  // int setvbuf(FILE *stream, char *buffer, int mode, size_t size)
  setvbuf: { args: ["pointer", "pointer", "i32", "size"], returns: "i32" },
  // int fflush(FILE *stream)
  fflush: { args: ["pointer"], returns: "i32" },
  // int getrlimit(int resource, struct rlimit *limits)
  getrlimit: { args: ["i32", "buffer"], returns: "i32" },
  // int setrlimit(int resource, const struct rlimit *limits)
  setrlimit: { args: ["i32", "buffer"], returns: "i32" },
  // void exit(int status)
  exit: { args: ["i32"], returns: "void" },
  clock_gettime: CLOCK_GETTIME,
  errnoLocation: ERRNO_LOCATION,
  ...platform === "linux" && {
    // int madvise(void *address, size_t length, int advice)
    madvise: { args: ["pointer", "size", "i32"], returns: "i32" },
    getpagesize: GETPAGESIZE,
    // int getrusage(int whose, struct rusage *usage)
    getrusage: { args: ["i32", "buffer"], returns: "i32" },
    // ssize_t pread(int fd, void *buffer, size_t count, off_t offset)
    pread: { args: ["i32", "buffer", "size", "i64"], returns: "i32" },
    // ssize_t pwrite(int fd, const void *buffer, size_t count, off_t offset)
    pwrite: { args: ["i32", "pointer", "size", "i64"], returns: "i32" },
    mincore: MINCORE,
    // void *memcpy(void *to, const void *from, size_t count)
    memcpy: { args: ["pointer", "pointer", "size"], returns: "pointer" },
    prctl: PRCTL,
    // int ioctl(int fd, unsigned long request, void *memory)
    ioctl: { args: ["i32", "u64", "buffer"], returns: "i32" },
  },
};

/** Declares what finds a variable of the C library. Before glibc 2.34, it is in a library of its own. */
export const LINKER_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  // void *dlsym(void *handle, const char *symbol)
  dlsym: { args: ["pointer", "buffer"], returns: "pointer" },
};

/** The functions that `LINKER_FUNCTIONS` declares. */
export interface LinkerLibrary<Pointer> {
  dlsym(handle: Pointer | null, symbol: Uint8Array): Pointer | null;
}

/** Opens what finds variables; `undefined` where there is no such library. */
export function openLinker<T>(open: (name: string) => T): T | undefined {
  for (const name of ["libdl.so.2", "libc.so.6"]) {
    try {
      return open(name);
    } catch {
      // Try the next name.
    }
  }
  try {
    return openCLibrary(open);
  } catch {
    return undefined; // as on macOS, whose C library has another linker
  }
}

/** Declares what tells how a signal is handled. `new` is null: nothing is changed. */
export const SIGNAL_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  sigaction: SIGACTION,
};

/** The functions that `SIGNAL_FUNCTIONS` declares. */
export interface SignalLibrary {
  sigaction(signal: number, handler: null, old: Uint8Array): number;
}

/** Declares what binds threads to CPUs, on Linux. */
export const AFFINITY_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  // int sched_setaffinity(pid_t thread, size_t bytes, const cpu_set_t *mask)
  sched_setaffinity: { args: ["i32", "size", "buffer"], returns: "i32" },
};

/** The functions that `AFFINITY_FUNCTIONS` declares. */
export interface AffinityLibrary {
  sched_setaffinity(thread: number, bytes: number, mask: Uint8Array): number;
}

/** Declares what works on files whose names are not UTF-8, and tells exactly when they were changed. Linux. */
export const FILE_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  statx: STATX,
  open: OPEN,
  // ssize_t write(int fd, const void *bytes, size_t count), with a count that fits into 31 bits
  write: { args: ["i32", "buffer", "size"], returns: "i32" },
  close: CLOSE,
  // int rename(const char *path, const char *new_path)
  rename: { args: ["buffer", "buffer"], returns: "i32" },
  // int mkdir(const char *path, mode_t mode)
  mkdir: { args: ["buffer", "u32"], returns: "i32" },
  // int unlink(const char *path)
  unlink: { args: ["buffer"], returns: "i32" },
  // char *realpath(const char *path, char *found), with room for PATH_MAX bytes
  realpath: { args: ["buffer", "buffer"], returns: "pointer" },
  errnoLocation: ERRNO_LOCATION,
};

/** Opens the C library under the first of its names that `open` finds. */
export function openCLibrary<T>(open: (name: string) => T): T {
  const machine = arch === "arm64" ? "aarch64" : "x86_64";
  const names = IS_MACOS
    ? ["/usr/lib/libSystem.B.dylib"]
    : ["libc.so.6", `libc.musl-${machine}.so.1`];
  const reasons: string[] = [];
  for (const name of names) {
    try {
      return open(name);
    } catch (error) {
      reasons.push(`${name}: ${reasonOf(error)}`);
    }
  }
  throw new Error(
    `Cannot open the C library of this system (${reasons.join("; ")})${addressSpaceNote()}`,
  );
}
