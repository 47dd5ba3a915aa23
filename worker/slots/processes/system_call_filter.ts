/**
 * The system calls that no core in a sandbox may make: those that reach the keys which the kernel keeps for a user, such
 * as tickets of Kerberos. No namespace divides the keyring of a session, in which the worker was started.
 */

import { addressSpaceNote } from "../../../runtime/address_space.ts";
import type { Runtime } from "../../../runtime/ports.ts";

/** The numbers of `add_key`, `request_key` and `keyctl`, by the kernel's constant for the kind of call (`AUDIT_ARCH_…`). */
const REFUSED: readonly (readonly [architecture: number, calls: readonly number[]])[] = [
  [0xc000003e, [248, 249, 250]], // x86-64
  [0x40000003, [286, 287, 288]], // 32 bits on x86-64
  [0xc00000b7, [217, 218, 219]], // ARM of 64 bits
  [0x40000028, [309, 310, 311]], // ARM of 32 bits
];

/** A call of the x32 kind is one of x86-64 with this bit. */
const ALL_BUT_X32_BIT = ~0x40000000 >>> 0;

/** Instructions of a classic BPF program, from `linux/bpf_common.h`. */
const LOAD = 0x20;
const AND = 0x54;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;

/** Where `struct seccomp_data` has the number of a call, and its kind. */
const CALL_AT = 0;
const ARCHITECTURE_AT = 4;

/** SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with EPERM. */
const ALLOW = 0x7fff0000;
const REFUSE = 0x00050001;

const INSTRUCTION_BYTES = 8;
const FILTER_BYTES = 4096;

/** A filter for one process. The descriptor is read to its end, so each process needs one of its own. */
export interface SystemCallFilter {
  readonly fd: number;
  /** The number that the process has for the descriptor. */
  readonly inheritedAs: number;
  /** The process has been started. */
  close(): void;
}

/** Makes it for a process that inherits `before` other descriptors. Throws if the system cannot. */
export function openFilter(
  runtime: Pick<Runtime, "createMemory" | "inheritedAs">,
  before: number,
): SystemCallFilter {
  const memory = runtime.createMemory?.(FILTER_BYTES, "this");
  if (!memory) {
    throw new Error(
      "cannot make memory for the list of refused system calls: too few file descriptors or too " +
        "little memory are left, or ulimit -f is below 4 KiB, or the C library has no memfd_create" +
        addressSpaceNote(),
    );
  }
  memory.view(0, FILTER_BYTES).set(filterProgram());
  const { fd } = memory;
  const inheritedAs = runtime.inheritedAs?.(fd, before) ?? fd;
  return { fd, inheritedAs, close: () => memory.close() };
}

/** The program that the kernel runs for each call, behind which everything is allowed. */
function filterProgram(): Uint8Array {
  const program = [[LOAD, 0, 0, ARCHITECTURE_AT], ...REFUSED.flatMap(refusing)];
  const bytes = new Uint8Array(FILTER_BYTES);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < FILTER_BYTES; at += INSTRUCTION_BYTES) {
    const [code = RETURN, ifTrue = 0, ifFalse = 0, value = ALLOW] = program.shift() ?? [];
    view.setUint16(at, code, true);
    view.setUint8(at + 2, ifTrue);
    view.setUint8(at + 3, ifFalse);
    view.setUint32(at + 4, value, true);
  }
  return bytes;
}

/** Refuses calls of one kind. For the other kinds, it goes on behind that. */
function refusing([architecture, calls]: (typeof REFUSED)[number]): number[][] {
  const refused = calls.map((call, index) => {
    const isLast = index === calls.length - 1;
    return [JUMP_IF_EQUAL, calls.length - 1 - index, isLast ? 1 : 0, call];
  });
  const rest = [
    [LOAD, 0, 0, CALL_AT],
    [AND, 0, 0, ALL_BUT_X32_BIT],
    ...refused,
    [RETURN, 0, 0, REFUSE],
    [RETURN, 0, 0, ALLOW],
  ];
  return [[JUMP_IF_EQUAL, 0, rest.length, architecture], ...rest];
}
