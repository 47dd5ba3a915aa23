/**
 * Lets a process that dies of a bad memory access say where that was, so that a stack overflow can be told from other
 * crashes: by then the process is gone. A core may have a handler of its own, which is left alone. Linux only.
 */

import { MPROTECT, O_CLOEXEC, SIGACTION } from "./c_declarations.ts";
import type { CFunction, CLibrary, ForeignMemory, LinkerLibrary } from "./c_functions.ts";
import { handlerCode } from "./fault_handler.ts";
import { arch } from "../this_process.ts";

const SIGSEGV = 11;

/** SA_SIGINFO, SA_ONSTACK and SA_NODEFER: on a stack of its own, and the signal can be raised in the handler. */
const ACTION_FLAGS = 0x4 | 0x0800_0000 | 0x4000_0000;

/** Where `struct sigaction` of glibc and musl has its fields. */
const ACTION_BYTES = 152;
const ACTION_FLAGS_AT = 136;

const SIG_DFL = 0n;
const RLIMIT_STACK = 3;
/**
 * Deep recursion on real data gets by with less. The hard limit is usually none at all, and endless recursion would
 * use up the memory of the machine before it ends.
 */
const STACK_BYTES_MAX = 256n * 1024n * 1024n;

/** How far below its end a stack may overflow: a function may skip some memory for its variables. */
const GAP_BYTES_MAX = 2 * Number(STACK_BYTES_MAX);

/** PROT_READ with PROT_WRITE, and with PROT_EXEC; MAP_PRIVATE with MAP_ANONYMOUS. */
const WRITABLE = 3;
const EXECUTABLE = 5;
const MAP_FLAGS = 0x22;

/** Memory for the code of the handler: the largest size of a page. */
const CODE_BYTES = 64 * 1024;

/** Room for what the system stores on the stack of the handler, with the registers of the largest CPUs. */
const STACK_BYTES = 64 * 1024;

/** Declares what else is needed of the C library. */
export const FAULT_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  // int sigaltstack(const stack_t *stack, stack_t *old)
  sigaltstack: { args: ["buffer", "pointer"], returns: "i32" },
  sigaction: SIGACTION,
  mprotect: MPROTECT,
};

/** The functions that `FAULT_FUNCTIONS` declares. */
export interface FaultLibrary<Pointer, Size> {
  sigaltstack(stack: Uint8Array, old: null): number;
  sigaction(signal: number, action: Uint8Array | null, old: Uint8Array | null): number;
  mprotect(address: Pointer, length: Size, protection: number): number;
}

/** What a trace is made with. */
export interface FaultTools<Pointer, Size> {
  readonly libc: CLibrary<Pointer, Size>;
  readonly faults: FaultLibrary<Pointer, Size>;
  readonly linker: LinkerLibrary<Pointer>;
  readonly memory: ForeignMemory<Pointer, Size>;
  addressOf(pointer: Pointer): bigint;
}

/** Addresses below the main thread's stack, to which it may grow: nothing else is there. */
export interface StackGap {
  readonly from: number;
  readonly to: number;
}

/** What is ready to trace faults. */
export interface FaultTrace {
  /** Where the stack may grow. */
  readonly gap: StackGap;
  /** From now on, a bad memory access of this thread leaves its address, unless somebody else handles the signal. */
  begin(): void;
}

/**
 * Makes ready to note the address of a fault at `at` in shared memory. Also lets the stack grow as far as the system
 * allows, but not without end. Returns `undefined` if a trace is not possible.
 */
export function prepareFaultTrace<Pointer, Size>(
  tools: FaultTools<Pointer, Size>,
  shared: ArrayBuffer,
  at: number,
): FaultTrace | undefined {
  raiseStackLimit(tools.libc);
  const gap = stackGap(ownMappings(tools));
  const handler = gap && placeHandler(tools, tools.memory.addressOf(shared) + BigInt(at));
  if (!gap || handler === undefined) return undefined;
  return {
    gap,
    begin: () => {
      if (!isHandled(tools.faults)) tools.faults.sigaction(SIGSEGV, actionOf(handler), null);
    },
  };
}

/**
 * Puts the code of the handler where it can run, and gives it a stack of its own: the other one may be used up. The
 * memory stays until the process ends. Returns the address of the code.
 */
function placeHandler<Pointer, Size>(
  { libc, faults, linker, memory, addressOf }: FaultTools<Pointer, Size>,
  note: bigint,
): bigint | undefined {
  const [signal, raise] = ["signal", "raise"].map((name) =>
    linker.dlsym(null, new TextEncoder().encode(`${name}\0`))
  );
  if (!signal || !raise) return undefined;
  const code = handlerCode(arch, { note, signal: addressOf(signal), raise: addressOf(raise) });
  const bytes = CODE_BYTES + STACK_BYTES;
  const { size } = memory;
  const start = code && libc.mmap(null, size(bytes), WRITABLE, MAP_FLAGS, -1, size(0));
  const mapped = start ? memory.bytesAt(start, bytes) : undefined;
  if (!code || !start || !mapped) return undefined;
  new Uint8Array(mapped).set(code);
  // The runtimes do the same with the code that they make of JavaScript.
  if (faults.mprotect(start, size(CODE_BYTES), EXECUTABLE) !== 0) return undefined;
  const address = addressOf(start);
  const stack = BigUint64Array.of(address + BigInt(CODE_BYTES), 0n, BigInt(STACK_BYTES));
  return faults.sigaltstack(new Uint8Array(stack.buffer), null) === 0 ? address : undefined;
}

/** Whether anybody handles bad memory accesses. */
function isHandled({ sigaction }: Pick<FaultLibrary<unknown, unknown>, "sigaction">): boolean {
  const action = new Uint8Array(ACTION_BYTES);
  const isKnown = sigaction(SIGSEGV, null, action) === 0;
  return !isKnown || new DataView(action.buffer).getBigUint64(0, true) !== SIG_DFL;
}

function actionOf(handler: bigint): Uint8Array {
  const action = new Uint8Array(ACTION_BYTES);
  const view = new DataView(action.buffer);
  view.setBigUint64(0, handler, true);
  view.setUint32(ACTION_FLAGS_AT, ACTION_FLAGS, true);
  return action;
}

/** The mappings of this process, as text. `node:fs` would take Deno 20 ms to load. */
function ownMappings<Pointer, Size>(
  { libc, memory }: Pick<FaultTools<Pointer, Size>, "libc" | "memory">,
): string {
  const fd = libc.open(new TextEncoder().encode("/proc/self/maps\0"), O_CLOEXEC);
  if (fd < 0) return "";
  const decoder = new TextDecoder();
  const part = new Uint8Array(64 * 1024);
  let text = "";
  for (;;) {
    const bytes = libc.read(fd, part, memory.size(part.byteLength));
    if (bytes <= 0) break;
    text += decoder.decode(part.subarray(0, bytes), { stream: true });
  }
  libc.close(fd);
  return text;
}

function raiseStackLimit(
  { getrlimit, setrlimit }: Pick<CLibrary<unknown, unknown>, "getrlimit" | "setrlimit">,
): void {
  const bytes = new Uint8Array(2 * BigUint64Array.BYTES_PER_ELEMENT);
  if (getrlimit(RLIMIT_STACK, bytes) !== 0) return;
  const limits = new BigUint64Array(bytes.buffer);
  const [soft = 0n, hard = 0n] = limits;
  const raised = hard < STACK_BYTES_MAX ? hard : STACK_BYTES_MAX;
  if (raised <= soft) return;
  limits[0] = raised;
  setrlimit(RLIMIT_STACK, bytes);
}

/** The gap into which the stack grows, in the list of mappings of a process, which is in the order of addresses. */
export function stackGap(maps: string): StackGap | undefined {
  let from = 0;
  for (const line of maps.split("\n")) {
    const [, start = "", end = ""] = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line) ?? [];
    if (line.endsWith("[stack]")) {
      const to = parseInt(end, 16);
      return { from: Math.max(from, to - GAP_BYTES_MAX), to };
    }
    if (end !== "" && start !== "") from = parseInt(end, 16);
  }
  return undefined;
}
