/**
 * Memory that this process shares with one that it starts: a file without a name, of which the other process inherits
 * the descriptor. It takes memory only where something was written. Linux only.
 */

import { CLOSE, MMAP, type Mmap, MUNMAP, O_CLOEXEC, OPEN } from "./c_declarations.ts";
import type { CFunction, ForeignMemory } from "./c_functions.ts";
import { fs } from "../late_modules.ts";
import { platform } from "../this_process.ts";

/** Memory of this process that another one can map. */
export interface SharedMemory {
  readonly byteLength: number;
  /** The descriptor to hand over. */
  readonly fd: number;
  /** `bytes` bytes from `at` on, as long as the memory is not closed. */
  view(at: number, bytes: number): Uint8Array<ArrayBuffer>;
  /**
   * The same behind `PAGE_BYTES` bytes that only this process has. `undefined` if this process has `PRIVATE_HEADS_MAX`
   * such views of other places, or the system refuses one. Both numbers are multiples of `PAGE_BYTES`.
   */
  viewWithHead(at: number, bytes: number): Uint8Array<ArrayBuffer> | undefined;
  /**
   * Maps a part of it that may lie behind what is mapped at all. `at` is a multiple of `PAGE_BYTES`. `undefined` if the
   * system refuses that. Missing where the memory has no such part.
   */
  window?(at: number, bytes: number): MemoryWindow | undefined;
  /** Gives back the memory from `at` on, which then has zeros. Both numbers are multiples of `PAGE_BYTES`. */
  discard(at: number, bytes: number): void;
  /**
   * The other process is gone: no further views with heads are made, and nothing is discarded. Views stay as they are.
   */
  closeDescriptors(): void;
  /** No view may be used any more. What the other process has mapped stays. */
  close(): void;
}

/** A part of memory that is mapped for a while. */
export interface MemoryWindow {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Nobody may use `bytes` any more. */
  close(): void;
}

/**
 * Which process writes to it. `this`: the other process can read it, and what it writes there itself is seen by
 * nobody else. `other`: both can.
 */
export type MemoryWriter = "this" | "other";

/** A multiple of the page size of every CPU. */
export const PAGE_BYTES = 64 * 1024;

/**
 * Of all memories of this process together: a system allows a process 65,530 mappings, and each such view is two. A slot
 * has as many as outputs that were on the way at once.
 */
export const PRIVATE_HEADS_MAX = 8192;

let privateHeads = 0;

/** The functions of the C library for it. */
export const MEMORY_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  // int memfd_create(const char *name, unsigned int flags)
  memfd_create: { args: ["buffer", "u32"], returns: "i32" },
  // int ftruncate(int fd, off_t length)
  ftruncate: { args: ["i32", "i64"], returns: "i32" },
  // int fallocate(int fd, int mode, off_t offset, off_t length)
  fallocate: { args: ["i32", "i32", "i64", "i64"], returns: "i32" },
  // int fcntl(int fd, int command, …)
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  // int fchmod(int fd, mode_t mode)
  fchmod: { args: ["i32", "u32"], returns: "i32" },
  open: OPEN,
  close: CLOSE,
  mmap: MMAP,
  munmap: MUNMAP,
};

/** The functions that `MEMORY_FUNCTIONS` declares. */
export interface MemoryLibrary<Pointer, Size> {
  memfd_create(name: Uint8Array, flags: number): number;
  ftruncate(fd: number, length: Size): number;
  fallocate(fd: number, mode: number, offset: Size, length: Size): number;
  fcntl(fd: number, command: number, argument: number): number;
  fchmod(fd: number, mode: number): number;
  open(path: Uint8Array, flags: number): number;
  close(fd: number): number;
  mmap: Mmap<Pointer, Size>;
  munmap(address: Pointer, length: Size): number;
}

const NAME = new TextEncoder().encode("distcomp\0");
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** F_SEAL_SEAL, F_SEAL_SHRINK and F_SEAL_GROW: an access beyond the end of a file would end this process. */
const FIXED_SIZE = 1 | 2 | 4;
const NOBODY = 0;
/** PROT_READ and PROT_WRITE; MAP_SHARED and MAP_NORESERVE. */
const PROTECTION = 3;
const MAP_FLAGS = 0x4001;
/** MAP_PRIVATE, MAP_ANONYMOUS and MAP_NORESERVE. */
const PRIVATE_FLAGS = 0x4022;
/** It takes the place of what is mapped there. */
const MAP_FIXED = 0x10;
/** FALLOC_FL_KEEP_SIZE and FALLOC_FL_PUNCH_HOLE. */
const PUNCH_HOLE = 3;

type Memory<Pointer, Size> = Pick<ForeignMemory<Pointer, Size>, "size" | "behind" | "bytesAt">;

/**
 * Makes memory of `byteLength` bytes, which are mapped, and more behind them, up to `fileBytes`. `undefined` where the
 * system has no such memory, or a limit of this process forbids it.
 */
export function createSharedMemory<Pointer, Size>(
  openLibrary: () => MemoryLibrary<Pointer, Size>,
  memory: Memory<Pointer, Size>,
  byteLength: number,
  writer: MemoryWriter,
  fileBytes = byteLength,
): SharedMemory | undefined {
  if (platform !== "linux" || !mayMakeFilesOf(fileBytes)) return undefined;
  let fd = -1;
  let handed = -1;
  const library = libraryOf(openLibrary);
  if (!library) return undefined;
  try {
    fd = library.memfd_create(NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || library.ftruncate(fd, memory.size(fileBytes)) !== 0) return undefined;
    if (library.fcntl(fd, F_ADD_SEALS, FIXED_SIZE) !== 0) return undefined;
    handed = writer === "other" ? fd : library.open(pathOf(fd), O_CLOEXEC);
    // Nobody of this user opens it once more, through a descriptor of this process or of the other one.
    if (handed < 0 || library.fchmod(fd, NOBODY) !== 0) return undefined;
    const length = memory.size(byteLength);
    const start = library.mmap(null, length, PROTECTION, MAP_FLAGS, fd, memory.size(0));
    // Of memory that failed to be mapped there is not one byte.
    if (start === null || !memory.bytesAt(start, 1)) return undefined;
    const mapped = new MappedMemory(library, memory, { fd, handed, start, byteLength });
    fd = handed = -1;
    return mapped;
  } finally {
    if (handed >= 0 && handed !== fd) library.close(handed);
    if (fd >= 0) library.close(fd);
  }
}

function libraryOf<T>(open: () => T): T | undefined {
  try {
    return open();
  } catch {
    return undefined; // musl before 1.1.21 and glibc before 2.27 lack memfd_create
  }
}

/** The system kills a process that makes a longer file than its limit, even if the file is memory. */
function mayMakeFilesOf(byteLength: number): boolean {
  try {
    const limits = fs().readFileSync("/proc/self/limits", "utf8");
    const soft = /^Max file size +(\S+)/m.exec(limits)?.[1];
    return soft === "unlimited" || Number(soft) >= byteLength;
  } catch {
    return false; // without this, everything goes through the socket
  }
}

function pathOf(fd: number): Uint8Array {
  return new TextEncoder().encode(`/proc/self/fd/${fd}\0`);
}

/** What a mapping consists of. `handed` is `fd`, or another descriptor of the same memory. */
interface Mapping<Pointer> {
  readonly fd: number;
  readonly handed: number;
  readonly start: Pointer;
  readonly byteLength: number;
}

class MappedMemory<Pointer, Size> implements SharedMemory {
  readonly #library: MemoryLibrary<Pointer, Size>;
  readonly #memory: Memory<Pointer, Size>;
  readonly #mapping: Mapping<Pointer>;
  /** The parts that are mapped once more, behind a private head: where each begins in the memory, and its head here. */
  readonly #withHeads = new Map<number, { readonly head: Pointer; readonly byteLength: number }>();
  #isClosed = false;
  #hasDescriptors = true;

  constructor(
    library: MemoryLibrary<Pointer, Size>,
    memory: Memory<Pointer, Size>,
    mapping: Mapping<Pointer>,
  ) {
    this.#library = library;
    this.#memory = memory;
    this.#mapping = mapping;
  }

  get byteLength(): number {
    return this.#mapping.byteLength;
  }

  get fd(): number {
    return this.#mapping.handed;
  }

  /** The array buffer does not own the memory: `close` unmaps it, whatever still refers to it. */
  view(at: number, bytes: number): Uint8Array<ArrayBuffer> {
    this.#check(at, bytes);
    const buffer = this.#memory.bytesAt(this.#memory.behind(this.#mapping.start, at), bytes);
    return new Uint8Array(buffer as ArrayBuffer);
  }

  viewWithHead(at: number, bytes: number): Uint8Array<ArrayBuffer> | undefined {
    this.#check(at, bytes);
    const byteLength = PAGE_BYTES + bytes;
    const known = this.#withHeads.get(at);
    if (known && known.byteLength < byteLength) this.#unmap(at);
    const head = known && known.byteLength >= byteLength
      ? known.head
      : this.#mapWithHead(at, bytes);
    return head && new Uint8Array(this.#memory.bytesAt(head, byteLength) as ArrayBuffer);
  }

  #mapWithHead(at: number, bytes: number): Pointer | undefined {
    if (privateHeads >= PRIVATE_HEADS_MAX || !this.#hasDescriptors) return undefined;
    const { size, behind, bytesAt } = this.#memory;
    const byteLength = PAGE_BYTES + bytes;
    const { mmap, munmap } = this.#library;
    const head = mmap(null, size(byteLength), PROTECTION, PRIVATE_FLAGS, -1, size(0));
    if (head === null || !bytesAt(head, 1)) return undefined;
    const flags = MAP_FLAGS | MAP_FIXED;
    const place = behind(head, PAGE_BYTES);
    const part = mmap(place, size(bytes), PROTECTION, flags, this.#mapping.fd, size(at));
    if (part === null || !bytesAt(part, 1)) {
      munmap(head, size(byteLength));
      return undefined;
    }
    this.#withHeads.set(at, { head, byteLength });
    privateHeads += 1;
    return head;
  }

  #unmap(at: number): void {
    const part = this.#withHeads.get(at);
    if (!part) return;
    this.#library.munmap(part.head, this.#memory.size(part.byteLength));
    this.#withHeads.delete(at);
    privateHeads -= 1;
  }

  window(at: number, bytes: number): MemoryWindow | undefined {
    this.#checkOpen();
    const { size, bytesAt } = this.#memory;
    const { mmap, munmap } = this.#library;
    const start = mmap(null, size(bytes), PROTECTION, MAP_FLAGS, this.#mapping.fd, size(at));
    const buffer = start === null ? undefined : bytesAt(start, bytes);
    if (start === null || !buffer) return undefined;
    return { bytes: new Uint8Array(buffer), close: () => void munmap(start, size(bytes)) };
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new TypeError("Shared memory is used after it was closed");
  }

  #check(at: number, bytes: number): void {
    this.#checkOpen();
    if (at < 0 || bytes < 0 || at + bytes > this.#mapping.byteLength) {
      throw new RangeError(`There are no bytes ${at} to ${at + bytes} of shared memory`);
    }
  }

  discard(at: number, bytes: number): void {
    const { size } = this.#memory;
    if (!this.#hasDescriptors) return; // the number may be another file's
    this.#library.fallocate(this.#mapping.fd, PUNCH_HOLE, size(at), size(bytes));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const at of [...this.#withHeads.keys()]) this.#unmap(at);
    const { start, byteLength } = this.#mapping;
    this.#library.munmap(start, this.#memory.size(byteLength));
    this.closeDescriptors();
  }

  closeDescriptors(): void {
    if (!this.#hasDescriptors) return;
    this.#hasDescriptors = false;
    const { fd, handed } = this.#mapping;
    if (handed !== fd) this.#library.close(handed);
    this.#library.close(fd);
  }
}
