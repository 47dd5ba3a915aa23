/** Deno's foreign function interface: opens compute cores and the C library. */

import type { Buffer } from "node:buffer";
import { ADDON_FUNCTIONS, type AddonLibrary, hideAddonSymbols } from "../native/addon_symbols.ts";
import {
  AFFINITY_FUNCTIONS,
  type AffinityLibrary,
  C_LIBRARY,
  type CFunction,
  type CLibrary,
  CORE_API,
  FILE_FUNCTIONS,
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
import { CLOSE, POSIX_FADVISE, WRITEV } from "../native/c_declarations.ts";
import {
  closeOnExec,
  EXEC_FUNCTIONS,
  type ExecLibrary,
  keepOnExec,
} from "../native/close_on_exec.ts";
import { CRASH_FUNCTIONS, type CrashLibrary, crashPlainly } from "../native/crash_signals.ts";
import { messageOf } from "../error_text.ts";
import type { ThreadWrites } from "./append.ts";
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
import { loadProblem } from "../address_space.ts";
import { CoreLoadError, type CoreProcess, type NativeCore, type SlotChannel } from "../ports.ts";
import { platform } from "../this_process.ts";

type Pointer = Deno.PointerObject;

/** -1, as a pointer. */
const MAP_FAILED = 2n ** 64n - 1n;

/** Copies between addresses. */
interface Mover {
  memcpy(to: bigint, from: bigint, count: bigint): void;
}

const MOVE_FUNCTIONS: Readonly<Record<keyof Mover, CFunction>> = {
  // void *memcpy(void *to, const void *from, size_t count)
  memcpy: { args: ["u64", "u64", "size"], returns: "void" },
};

/** Opened when it is needed first. */
let mover: Mover | undefined;

const memory: ForeignMemory<Pointer, bigint> = {
  size: BigInt,
  addressOf: (buffer) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(new Uint8Array(buffer))),
  pointerTo: (address) => Deno.UnsafePointer.create(address) as Pointer,
  behind: (pointer, bytes) => Deno.UnsafePointer.offset(pointer, bytes) as Pointer,
  copy: (from, into) => Deno.UnsafePointerView.copyInto(from, into),
  move: (to, from, count) => {
    mover ??= openCFunctions<Mover>(MOVE_FUNCTIONS);
    mover.memcpy(to, from, BigInt(count)); // numbers take ten times as long
  },
  bytesAt: (pointer, bytes) =>
    Deno.UnsafePointer.value(pointer) === MAP_FAILED
      ? undefined
      : Deno.UnsafePointerView.getArrayBuffer(pointer, bytes),
  int32At: (pointer) => new Deno.UnsafePointerView(pointer).getInt32(),
  pointerAt: (pointer) => new Deno.UnsafePointerView(pointer).getPointer(),
};

/** Loads the library at `path`, an absolute path, as a compute core. See `Runtime.openCore`. */
export function openCore(path: string, bindsNow = false): NativeCore {
  if (platform === "linux") hideOwnSymbols();
  const loader = bindsNow
    ? openLinker((name) => Deno.dlopen(name, tableOf(LOADER_FUNCTIONS)).symbols)
    : undefined;
  if (loader) bindCalls(loader as unknown as LoaderLibrary<Pointer>, memory, path);
  const { symbols } = load(path);
  // The functions are optional, so that the error can name all that are missing.
  const missing = Object.entries(symbols).filter(([, symbol]) => !symbol);
  if (missing.length > 0) {
    throw new CoreLoadError(`it lacks ${missing.map(([name]) => name).join(", ")}`);
  }
  return new ForeignCore(typed<CoreFunctions<Pointer>>(symbols), memory);
}

function hideOwnSymbols(): void {
  const library = openCFunctions<AddonLibrary<Pointer, bigint>>(ADDON_FUNCTIONS);
  hideAddonSymbols({ library, memory, valueOf: (pointer) => Deno.UnsafePointer.value(pointer) });
}

function load(path: string) {
  try {
    return Deno.dlopen(path, tableOf(CORE_API, { optional: true }));
  } catch (cause) {
    const text = messageOf(cause);
    const reason = text.replace(/^(Could not open library: )+/, "").replaceAll(`${path}: `, "");
    throw new CoreLoadError(loadProblem(reason), { cause });
  }
}

/** Loads the library at `path` as a compute core with guarded inputs. */
export function openGuardedCore(path: string): GuardedCore {
  crashPlainly(openCrashLibrary);
  const core = openCore(path) as ForeignCore<Pointer>;
  const library = openCFunctions<GuardLibrary<Pointer, bigint>>(GUARD_FUNCTIONS);
  return new ForeignGuardedCore(core, library, memory, Deno.build.os);
}

function openCrashLibrary(): CrashLibrary {
  return openCFunctions<CrashLibrary>(CRASH_FUNCTIONS);
}

function openOwnLinker(): LinkerLibrary<Pointer> | undefined {
  return openLinker((name) => {
    return typed<LinkerLibrary<Pointer>>(Deno.dlopen(name, tableOf(LINKER_FUNCTIONS)).symbols);
  });
}

/** Connects a slot to its worker. */
export function openSlotChannel(socketPath: string): SlotChannel {
  crashPlainly(openCrashLibrary);
  const libc = openCFunctions<CLibrary<Pointer, bigint>>(C_LIBRARY);
  const linker = openOwnLinker();
  const addressOf = (pointer: Pointer) => Deno.UnsafePointer.value(pointer);
  return slotChannel({ libc, memory, linker, open: openCFunctions, addressOf }, socketPath);
}

/** Lets this process run a core without a worker. */
export function openCoreProcess(env: Readonly<Record<string, string>>): CoreProcess {
  crashPlainly(openCrashLibrary);
  return coreProcess({ memory, open: openCFunctions, openLinker: openOwnLinker }, env);
}

/** Makes memory that this process shares with one that it starts. Nobody is asked for the permission. */
export function createMemory(
  bytes: number,
  writer: MemoryWriter,
  fileBytes?: number,
): SharedMemory | undefined {
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
  const open = () => openCFunctions<MemoryLibrary<Pointer, bigint>>(MEMORY_FUNCTIONS);
  return createSharedMemory(open, memory, bytes, writer, fileBytes);
}

const clock = machineClock(() => openCFunctions(CLOCK_FUNCTIONS));

/** See `Runtime.machineNowUs`. */
export function machineNowUs(): number | undefined {
  return Deno.permissions.querySync({ name: "ffi" }).state === "granted" ? clock() : undefined;
}

/** Starts a process, which inherits these descriptors under the same numbers. */
export function whileInherited<T>(fds: readonly number[], start: () => T): T {
  if (fds.length === 0) return start();
  const library = openCFunctions<ExecLibrary<Pointer, bigint>>(EXEC_FUNCTIONS);
  for (const fd of fds) keepOnExec(library, memory, fd);
  try {
    return start();
  } finally {
    for (const fd of fds) closeOnExec(library, memory, fd);
  }
}

/** Opens what tells how this process handles signals. */
export function openSignalLibrary(): SignalLibrary {
  return openCFunctions<SignalLibrary>(SIGNAL_FUNCTIONS);
}

/** Opens functions of the C library. */
export function openCFunctions<T>(functions: Readonly<Record<string, CFunction>>): T {
  const { symbols } = openCLibrary((name) => Deno.dlopen(name, tableOf(functions)));
  return typed<T>(symbols);
}

/** Functions with the types that we give them: Deno derives types only from tables that are literals. */
function typed<T>(symbols: object): T {
  return symbols as T;
}

/** Opens what binds threads to CPUs. */
export function openAffinityLibrary(): AffinityLibrary {
  return openCFunctions<AffinityLibrary>(AFFINITY_FUNCTIONS);
}

/** The functions for files. */
export interface FileLibrary {
  statx(folder: number, path: Buffer, flags: number, mask: number, stats: Buffer): number;
  /** The same on another thread. `path` and `stats` must stay alive until it resolves. */
  statxInThread(
    folder: number,
    path: Buffer,
    flags: number,
    mask: number,
    stats: Buffer,
  ): Promise<number>;
  readonly threadWrites: ThreadWrites;
  open(path: Buffer, flags: number): number;
  close(fd: number): number;
  rename(path: Buffer, newPath: Buffer): number;
  mkdir(path: Buffer, mode: number): number;
  unlink(path: Buffer): number;
  realpath(path: Buffer, found: Buffer): Pointer | null;
  errno(): number;
}

/** Opens the functions for files; `undefined` if this process may not, or where the system is not Linux. */
export function openFileLibrary(): FileLibrary | undefined {
  if (platform !== "linux") return undefined;
  try {
    const { symbols } = openCLibrary((name) => Deno.dlopen(name, tableOf(FILE_FUNCTIONS)));
    const advise: CFunction = { ...POSIX_FADVISE, symbol: "posix_fadvise" };
    const { statx, write } = FILE_FUNCTIONS as { statx: CFunction; write: CFunction };
    const inThread = openCLibrary((name) =>
      Deno.dlopen(
        name,
        tableOf({ statx, write, writev: WRITEV, advise }, { nonblocking: true }),
      )
    );
    const { errnoLocation, ...others } = typed<FileLibrary & CError>(symbols);
    return {
      ...others,
      statxInThread: typed<{ statx: FileLibrary["statxInThread"] }>(inThread.symbols).statx,
      threadWrites: threadWritesBy(typed<ThreadFunctions>(inThread.symbols)),
      errno: () => memory.int32At(errnoLocation()),
    };
  } catch {
    return undefined; // those of `node:fs` do, at a higher price
  }
}

/** Functions that run on another thread. The memory of their arguments must stay alive until they have resolved. */
interface ThreadFunctions {
  write(fd: number, bytes: Uint8Array, count: number): Promise<number>;
  writev(fd: number, vectors: Uint8Array, count: number): Promise<number>;
  advise(fd: number, at: number, bytes: number, advice: number): Promise<number>;
}

function threadWritesBy({ write, writev, advise }: ThreadFunctions): ThreadWrites {
  return {
    write,
    advise,
    writeParts: async (fd, parts) => {
      const vectors = new BigUint64Array(2 * parts.length); // struct iovec: an address and a size
      for (const [index, part] of parts.entries()) {
        vectors[2 * index] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(part as BufferSource));
        vectors[2 * index + 1] = BigInt(part.byteLength);
      }
      const written = await writev(fd, new Uint8Array(vectors.buffer), parts.length);
      return parts.length > 0 ? written : 0; // so that the parts, which only C knows, stay alive until now
    },
  };
}

/** Where the C library has the number of its last error. */
interface CError {
  errnoLocation(): Pointer;
}

/** Opens the functions that close files; `undefined` if this process may not. */
export function openClosingLibrary(): ClosingLibrary | undefined {
  try {
    const library = openCFunctions<ClosingLibrary & CError>(CLOSING_FUNCTIONS);
    const inThread = openCLibrary((name) =>
      Deno.dlopen(name, tableOf({ close: CLOSE }, { nonblocking: true }))
    );
    return {
      ...library,
      areKept: true,
      errno: () => memory.int32At(library.errnoLocation()),
      closeInThread: typed<{ close(fd: number): Promise<number> }>(inThread.symbols).close,
    };
  } catch {
    return undefined;
  }
}

/** Opens the functions for small files. */
export function openDirectLibrary(): DirectLibrary {
  const library = openCFunctions<DirectLibrary & CError>(DIRECT_FUNCTIONS);
  return { ...library, errno: () => memory.int32At(library.errnoLocation()) };
}

function tableOf(
  functions: Readonly<Record<string, CFunction>>,
  options: { optional?: boolean; nonblocking?: boolean } = {},
): Deno.ForeignLibraryInterface {
  return Object.fromEntries(
    Object.entries(functions).map(([key, { args, returns, symbol }]) => [key, {
      name: symbol ?? key,
      parameters: args.map((type) => type === "size" ? "usize" : type),
      result: returns === "size" ? "usize" : returns,
      ...options,
    }]),
  );
}
