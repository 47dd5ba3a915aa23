/** Deno's foreign function interface: opens compute cores and the C library. */

import {
  C_LIBRARY,
  type CFunction,
  type CLibrary,
  CORE_API,
  type ForeignMemory,
  openCLibrary,
  SIGNAL_FUNCTIONS,
  type SignalLibrary,
} from "./c_functions.ts";
import {
  ForeignGuardedCore,
  GUARD_FUNCTIONS,
  type GuardedCore,
  type GuardLibrary,
} from "./guarded_core.ts";
import { messageOf } from "./error_text.ts";
import { connectChannel } from "./libc_channel.ts";
import { type CoreFunctions, ForeignCore } from "./native_core.ts";
import { CoreLoadError, type NativeCore, type SlotChannel } from "./ports.ts";

type Pointer = Deno.PointerObject;

/** -1, as a pointer. */
const MAP_FAILED = 2n ** 64n - 1n;

const memory: ForeignMemory<Pointer, bigint> = {
  size: BigInt,
  addressOf: (buffer) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(new Uint8Array(buffer))),
  pointerTo: (address) => Deno.UnsafePointer.create(address) as Pointer,
  behind: (pointer, bytes) => Deno.UnsafePointer.offset(pointer, bytes) as Pointer,
  copy: (from, into) => Deno.UnsafePointerView.copyInto(from, into),
  bytesAt: (pointer, bytes) =>
    Deno.UnsafePointer.value(pointer) === MAP_FAILED
      ? undefined
      : Deno.UnsafePointerView.getArrayBuffer(pointer, bytes),
  int32At: (pointer) => new Deno.UnsafePointerView(pointer).getInt32(),
};

/** Loads the library at `path`, an absolute path, as a compute core. */
export function openCore(path: string): NativeCore {
  const library = load(path);
  // The functions are optional, so that the error can name all that are missing.
  const missing = Object.entries(library.symbols).filter(([, symbol]) => !symbol);
  if (missing.length > 0) {
    library.close();
    throw new CoreLoadError(`it lacks ${missing.map(([name]) => name).join(", ")}`);
  }
  const functions = { ...library.symbols, close: () => library.close() };
  return new ForeignCore(functions as unknown as CoreFunctions<Pointer>, memory);
}

function load(path: string) {
  try {
    return Deno.dlopen(path, tableOf(CORE_API, { optional: true }));
  } catch (cause) {
    const text = messageOf(cause);
    const reason = text.replace(/^(Could not open library: )+/, "").replaceAll(`${path}: `, "");
    throw new CoreLoadError(reason, { cause });
  }
}

/** Loads the library at `path` as a compute core with guarded inputs. */
export function openGuardedCore(path: string): GuardedCore {
  const core = openCore(path) as ForeignCore<Pointer>;
  const { symbols } = openCLibrary((name) => Deno.dlopen(name, tableOf(GUARD_FUNCTIONS)));
  const library = symbols as unknown as GuardLibrary<Pointer, bigint>;
  return new ForeignGuardedCore(core, library, memory, Deno.build.os);
}

/** Connects a slot to its worker. */
export function openSlotChannel(socketPath: string): SlotChannel {
  const { symbols } = openCLibrary((name) => Deno.dlopen(name, tableOf(C_LIBRARY)));
  return connectChannel(symbols as unknown as CLibrary<Pointer, bigint>, memory, socketPath);
}

/** Opens what tells how this process handles signals. */
export function openSignalLibrary(): SignalLibrary {
  const { symbols } = openCLibrary((name) => Deno.dlopen(name, tableOf(SIGNAL_FUNCTIONS)));
  return symbols as unknown as SignalLibrary;
}

function tableOf(
  functions: Readonly<Record<string, CFunction>>,
  options: { optional?: boolean } = {},
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
