/**
 * Whether the system writes the memory of this process to a file when it crashes, a core dump. With a runtime and a
 * compute core that is half a gigabyte.
 */

import type { CLibrary } from "./c_functions.ts";
import { platform } from "../this_process.ts";

const RLIMIT_CORE = 4;

/**
 * The largest dump, in bytes. Linux writes no file that small; a program that takes dumps through a pipe, such as
 * systemd-coredump, is started whatever the limit is, but for 1.
 */
const NO_DUMP_BYTES = platform === "linux" ? 1n : 0n;

type Limits = Pick<CLibrary<unknown, unknown>, "getrlimit" | "setrlimit">;

/** Forbids core dumps of this process and what it starts, or allows as much as the system lets it. */
export function allowCoreDumps(libc: Limits, areAllowed: boolean): void {
  const bytes = new Uint8Array(2 * BigUint64Array.BYTES_PER_ELEMENT);
  if (libc.getrlimit(RLIMIT_CORE, bytes) !== 0) return;
  const limits = new BigUint64Array(bytes.buffer);
  const [, hard = 0n] = limits;
  limits[0] = areAllowed || hard < NO_DUMP_BYTES ? hard : NO_DUMP_BYTES;
  libc.setrlimit(RLIMIT_CORE, bytes);
}
