/** Bun's foreign function interface: opens compute cores and the C library. */

import { ADDON_FUNCTIONS, type AddonLibrary, hideAddonSymbols } from "../native/addon_symbols.ts";
import { loadProblem } from "../address_space.ts";
import { type BunFunction, type BunPointer as Pointer, ffi } from "./api.ts";
import { closingInThread, THREAD_FUNCTIONS, type ThreadLibrary } from "./close_in_thread.ts";
import {
  AFFINITY_FUNCTIONS,
  type AffinityLibrary,
  C_LIBRARY,
  type CFunction,
  type CLibrary,
  CORE_API,
  type CType,
  type ForeignMemory,
  LINKER_FUNCTIONS,
  type LinkerLibrary,
  openCLibrary,
  openLinker,
  SIGNAL_FUNCTIONS,
  type SignalLibrary,
} from "../native/c_functions.ts";
import { CLOSING_FUNCTIONS, type ClosingLibrary } from "../files/closing_functions.ts";
import { DIRECT_FUNCTIONS, type DirectLibrary } from "../files/direct_functions.ts";
import { bindCalls, LOADER_FUNCTIONS, type LoaderLibrary } from "../native/bound_calls.ts";
import { coreProcess } from "../native/core_process.ts";
import {
  ForeignGuardedCore,
  GUARD_FUNCTIONS,
  type GuardedCore,
  type GuardLibrary,
} from "../native/guarded_core.ts";
import { CRASH_FUNCTIONS, type CrashLibrary, crashPlainly } from "../native/crash_signals.ts";
import { messageOf } from "../error_text.ts";
import { type CoreFunctions, ForeignCore } from "../native/native_core.ts";
import { CLOCK_FUNCTIONS, machineClock } from "../native/process_usage.ts";
import { slotChannel } from "../native/slot_channel.ts";
import {
  createSharedMemory,
  MEMORY_FUNCTIONS,
  type MemoryLibrary,
  type MemoryWriter,
  type SharedMemory,
} from "../native/shared_memory.ts";
import { CoreLoadError, type CoreProcess, type NativeCore, type SlotChannel } from "../ports.ts";
import { platform } from "../this_process.ts";

/** C functions that only this adapter needs. */
interface MoreOfC {
  memcpy(to: Uint8Array | Pointer, from: Pointer, count: number): Pointer;
}

const MORE_OF_C: Readonly<Record<keyof MoreOfC, CFunction>> = {
  // void *memcpy(void *to, const void *from, size_t count)
  memcpy: { args: ["buffer", "pointer", "size"], returns: "pointer" },
};

/** Addresses of a process are smaller. */
const ADDRESS_MAX = 2 ** 63;

/** Loads the library at `path`, an absolute path, as a compute core. See `Runtime.openCore`. */
export function openCore(path: string, bindsNow = false): NativeCore {
  if (platform === "linux") hideOwnSymbols();
  const loader = bindsNow
    ? openLinker((name) => open<LoaderLibrary<Pointer>>(name, LOADER_FUNCTIONS))
    : undefined;
  if (loader) bindCalls(loader, memoryWith(moreOfC()), path);
  return load(path);
}

function load(path: string): NativeCore {
  const functions: Record<string, unknown> = {};
  const missing: string[] = [];
  // Open each function separately, to find all that are missing. The system loads the library only once.
  for (const [name, declaration] of Object.entries(tableOf(CORE_API))) {
    try {
      functions[name] = ffi.dlopen(path, { [name]: declaration }).symbols[name];
    } catch (cause) {
      const text = messageOf(cause);
      if (!text.includes(`"${name}"`)) throw new CoreLoadError(reasonIn(text, path), { cause });
      missing.push(name);
    }
  }
  if (missing.length > 0) throw new CoreLoadError(`it lacks ${missing.join(", ")}`);
  // Each was found under its name.
  return new ForeignCore(functions as unknown as CoreFunctions<Pointer>, memoryWith(moreOfC()));
}

function hideOwnSymbols(): void {
  const library = openCFunctions<AddonLibrary<Pointer, number>>(ADDON_FUNCTIONS);
  hideAddonSymbols({ library, memory: memoryWith(moreOfC()), valueOf: BigInt });
}

function reasonIn(text: string, path: string): string {
  return loadProblem(
    text.replace(/^Failed to open library[^:]*: /, "").replaceAll(`${path}: `, ""),
  );
}

/** Loads the library at `path` as a compute core with guarded inputs. */
export function openGuardedCore(path: string): GuardedCore {
  crashPlainly(openCrashLibrary);
  const core = openCore(path) as ForeignCore<Pointer>;
  const library = openCLibrary((name) =>
    open<GuardLibrary<Pointer, number>>(name, GUARD_FUNCTIONS)
  );
  return new ForeignGuardedCore(core, library, memoryWith(moreOfC()), platform);
}

function openCrashLibrary(): CrashLibrary {
  return openCFunctions<CrashLibrary>(CRASH_FUNCTIONS);
}

function openOwnLinker(): LinkerLibrary<Pointer> | undefined {
  return openLinker((name) => open<LinkerLibrary<Pointer>>(name, LINKER_FUNCTIONS));
}

/** Connects a slot to its worker. */
export function openSlotChannel(socketPath: string): SlotChannel {
  crashPlainly(openCrashLibrary);
  const libc = openCLibrary((name) => open<CLibrary<Pointer, number>>(name, C_LIBRARY));
  const memory = memoryWith(moreOfC());
  const linker = openOwnLinker();
  const addressOf = (pointer: Pointer) => BigInt(pointer);
  return slotChannel({ libc, memory, linker, open: openCFunctions, addressOf }, socketPath);
}

/** Lets this process run a core without a worker. */
export function openCoreProcess(env: Readonly<Record<string, string>>): CoreProcess {
  crashPlainly(openCrashLibrary);
  const memory = memoryWith(moreOfC());
  return coreProcess({ memory, open: openCFunctions, openLinker: openOwnLinker }, env);
}

/** Makes memory that this process shares with one that it starts. */
export function createMemory(
  bytes: number,
  writer: MemoryWriter,
  fileBytes?: number,
): SharedMemory | undefined {
  const open = () => openCFunctions<MemoryLibrary<Pointer, number>>(MEMORY_FUNCTIONS);
  return createSharedMemory(open, memoryWith(moreOfC()), bytes, writer, fileBytes);
}

/** See `Runtime.machineNowUs`. */
export const machineNowUs = machineClock(() => openCFunctions(CLOCK_FUNCTIONS));

/** Opens what tells how this process handles signals. */
export function openSignalLibrary(): SignalLibrary {
  return openCFunctions<SignalLibrary>(SIGNAL_FUNCTIONS);
}

/** Opens functions of the C library. */
export function openCFunctions<T>(functions: Readonly<Record<string, CFunction>>): T {
  return openCLibrary((name) => open<T>(name, functions));
}

/** Opens the functions that close files. */
export function openClosingLibrary(): ClosingLibrary {
  const library = openCFunctions<ClosingLibrary & { errnoLocation(): Pointer }>(CLOSING_FUNCTIONS);
  const errno = () => ffi.read.i32(library.errnoLocation());
  const closing = { ...library, areKept: false, errno };
  const closeInThread = platform === "linux" ? openCloseInThread(library.close) : undefined;
  return closeInThread ? { ...closing, closeInThread } : closing;
}

function openCloseInThread(
  closeHere: (fd: number) => number,
): ClosingLibrary["closeInThread"] | undefined {
  const linker = openOwnLinker();
  const close = linker?.dlsym(null, new TextEncoder().encode("close\0"));
  const threads = openThreads();
  return close && threads ? closingInThread(threads, close, closeHere) : undefined;
}

/** Before glibc 2.34, threads are in a library of their own. */
function openThreads(): ThreadLibrary | undefined {
  try {
    return open<ThreadLibrary>("libpthread.so.0", THREAD_FUNCTIONS);
  } catch {
    try {
      return openCFunctions<ThreadLibrary>(THREAD_FUNCTIONS);
    } catch {
      return undefined; // this system has no such functions
    }
  }
}

/** Opens the functions for small files. */
export function openDirectLibrary(): DirectLibrary {
  const library = openCFunctions<DirectLibrary & { errnoLocation(): Pointer }>(DIRECT_FUNCTIONS);
  return { ...library, errno: () => ffi.read.i32(library.errnoLocation()) };
}

/** Opens what binds threads to CPUs. */
export function openAffinityLibrary(): AffinityLibrary {
  return openCLibrary((name) => open<AffinityLibrary>(name, AFFINITY_FUNCTIONS));
}

function memoryWith({ memcpy }: MoreOfC): ForeignMemory<Pointer, number> {
  return {
    size: (count) => count,
    addressOf: (buffer) => BigInt(ffi.ptr(buffer)),
    pointerTo: (address) => Number(address) as Pointer,
    behind: (pointer, bytes) => pointer + bytes as Pointer,
    copy: (from, into) => memcpy(into, from, into.byteLength),
    move: (to, from, count) => void memcpy(Number(to) as Pointer, Number(from) as Pointer, count),
    bytesAt: (pointer, bytes) =>
      pointer < 0 || pointer >= ADDRESS_MAX ? undefined : ffi.toArrayBuffer(pointer, 0, bytes),
    int32At: (pointer) => ffi.read.i32(pointer),
    pointerAt: (pointer) => ffi.read.ptr(pointer) as Pointer || null,
  };
}

function moreOfC(): MoreOfC {
  return openCLibrary((name) => open<MoreOfC>(name, MORE_OF_C));
}

/** Opens functions, and returns them under our names instead of the names in the library. */
function open<T>(path: string, functions: Readonly<Record<string, CFunction>>): T {
  const { symbols } = ffi.dlopen(path, tableOf(functions));
  return Object.fromEntries(
    Object.entries(functions).map(([key, { symbol }]) => [key, symbols[symbol ?? key]]),
  ) as T;
}

const BUN_TYPES: Readonly<Partial<Record<CType | "void", "ptr" | "u64">>> = {
  buffer: "ptr",
  pointer: "ptr",
  size: "u64",
};

function tableOf(functions: Readonly<Record<string, CFunction>>): Record<string, BunFunction> {
  return Object.fromEntries(
    Object.entries(functions).map(([key, { args, returns, symbol }]) => [symbol ?? key, {
      args: args.map((type) => BUN_TYPES[type] ?? type),
      returns: BUN_TYPES[returns] ?? returns,
    } as BunFunction]),
  );
}
