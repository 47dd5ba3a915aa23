/**
 * Lets a process that dies of a bad memory access say where that was, so that a stack overflow can be told from
 * other crashes: by then the process is gone. A handler for the signal would have to be written in C. But C's own
 * `write` will do: its arguments are a file, memory and a number of bytes, and those of a handler are the number of
 * the signal, what is known about it, and a large number. So the file gets the number of the signal. After that, the
 * signal ends the process as it would have without a handler. A core may have a handler of its own, which must not find
 * this one before it: Go's would call it, for ever. Linux only.
 */

import { MPROTECT, O_CLOEXEC, SIGACTION } from "./c_declarations.ts";
import type { CFunction, CLibrary, ForeignMemory, LinkerLibrary } from "./c_functions.ts";
import { fs } from "../late_modules.ts";

const SIGSEGV = 11;

/** SA_SIGINFO, SA_ONSTACK, SA_NODEFER and SA_RESETHAND: once, on a stack of its own, then as by default. */
const ACTION_FLAGS = 0x4 | 0x0800_0000 | 0x4000_0000 | 0x8000_0000;

/** Where `struct sigaction` of glibc and musl has its fields. */
const ACTION_BYTES = 152;
const ACTION_FLAGS_AT = 136;

const SIG_DFL = 0n;
const F_GETFD = 1;
const SEEK_SET = 0;
const RLIMIT_STACK = 3;
/**
 * Deep recursion on real data gets by with less. The hard limit is usually none at all, and endless recursion would
 * use up the memory of the machine before it ends.
 */
const STACK_BYTES_MAX = 256n * 1024n * 1024n;

/** How far below its end a stack may overflow: a function may skip some memory for its variables. */
const GAP_BYTES_MAX = 2 * Number(STACK_BYTES_MAX);

const PROT_NONE = 0;
/** PROT_READ and PROT_WRITE; MAP_PRIVATE, MAP_ANONYMOUS and MAP_FIXED_NOREPLACE. */
const PROTECTION = 3;
const MAP_FLAGS = 0x100022;
const O_RDWR = 2;

/**
 * Where the stack of the handler may be. The large number that `write` gets is an address in it, and the system wants
 * memory to end below the end of all addresses. Other mappings are far above these.
 */
const STACK_ADDRESSES = [0x10_0000_0000n, 0x14_0000_0000n, 0x18_0000_0000n];

/** Room for what the system stores there, with the registers of the largest processors. */
const STACK_BYTES = 64 * 1024;
/** The page behind it ends what `write` reads. 64 KiB is the largest size of a page. */
const GUARD_BYTES = 64 * 1024;

/** Declares what else is needed of the C library. */
export const FAULT_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  // int sigaltstack(const stack_t *stack, stack_t *old)
  sigaltstack: { args: ["buffer", "pointer"], returns: "i32" },
  sigaction: SIGACTION,
  mprotect: MPROTECT,
  // int dup3(int fd, int target, int flags)
  dup3: { args: ["i32", "i32", "i32"], returns: "i32" },
  // int fcntl(int fd, int command, …)
  fcntl: { args: ["i32", "i32"], returns: "i32" },
  // off_t lseek(int fd, off_t offset, int from)
  lseek: { args: ["i32", "i64", "i32"], returns: "i64" },
};

/** The functions that `FAULT_FUNCTIONS` declares. */
export interface FaultLibrary<Pointer, Size> {
  sigaltstack(stack: Uint8Array, old: null): number;
  sigaction(signal: number, action: Uint8Array | null, old: Uint8Array | null): number;
  mprotect(address: Pointer, length: Size, protection: number): number;
  dup3(fd: number, target: number, flags: number): number;
  fcntl(fd: number, command: number): number;
  lseek(fd: number, offset: Size, from: number): Size;
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
  /** From now on, a bad memory access of this thread leaves its `siginfo_t`, unless somebody else handles the signal. */
  begin(): void;
}

/**
 * Makes ready to trace faults to the file at `path`, from `at` on. Also lets the stack grow as far as the system
 * allows, but not without end. Returns `undefined` if a trace is not possible.
 */
export function prepareFaultTrace<Pointer, Size>(
  tools: FaultTools<Pointer, Size>,
  path: string,
  at: number,
): FaultTrace | undefined {
  const { libc, faults, linker, memory } = tools;
  raiseStackLimit(libc);
  const write = linker.dlsym(null, new TextEncoder().encode("write\0"));
  const gap = stackGap(fs().readFileSync("/proc/self/maps", "utf8"));
  const isFree = faults.fcntl(SIGSEGV, F_GETFD) === -1;
  if (write === null || !gap || !isFree || !useOwnStack(tools)) return undefined;
  const fd = libc.open(new TextEncoder().encode(`${path}\0`), O_RDWR);
  if (fd < 0 || faults.dup3(fd, SIGSEGV, O_CLOEXEC) < 0) return undefined;
  libc.close(fd);
  faults.lseek(SIGSEGV, memory.size(at), SEEK_SET);
  const handler = tools.addressOf(write);
  return {
    gap,
    begin: () => {
      if (!isHandled(faults)) faults.sigaction(SIGSEGV, actionOf(handler), null);
    },
  };
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

/** Gives the handler a stack of its own: the other one may be used up. */
function useOwnStack<Pointer, Size>(
  { libc, faults, memory, addressOf }: FaultTools<Pointer, Size>,
): boolean {
  const { size, pointerTo } = memory;
  const bytes = size(STACK_BYTES + GUARD_BYTES);
  const address = STACK_ADDRESSES.find((address) => {
    const mapped = libc.mmap(pointerTo(address), bytes, PROTECTION, MAP_FLAGS, -1, size(0));
    return mapped !== null && addressOf(mapped) === address;
  });
  if (address === undefined) return false;
  const guard = pointerTo(address + BigInt(STACK_BYTES));
  if (faults.mprotect(guard, size(GUARD_BYTES), PROT_NONE) !== 0) return false;
  const stack = new BigUint64Array([address, 0n, BigInt(STACK_BYTES)]);
  return faults.sigaltstack(new Uint8Array(stack.buffer), null) === 0;
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

/** The address in a `siginfo_t`; `undefined` if there is none. */
export function faultAddress(trace: DataView): number | undefined {
  return trace.getInt32(0, true) === SIGSEGV ? Number(trace.getBigUint64(16, true)) : undefined;
}
