/** The system calls of a program and of all that it starts, as `strace` has written them down. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";

/** What a program runs under to be traced. Every call is a line in `file`, with its time. */
export function traced(file: string): string[] {
  return ["strace", "-f", "-qq", "-ttt", "-s", "0", "-e", "signal=none", "-o", file];
}

/** Why calls cannot be traced here, if they cannot. */
export function missingStrace(): string | undefined {
  if (process.platform !== "linux") return "has no strace";
  try {
    execFileSync("strace", ["-qq", "-e", "trace=none", "true"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "there is no strace, or it may not trace";
  }
}

/** A system call that has returned. */
export interface SystemCall {
  readonly name: string;
  /** When it returned, or began: seconds since 1970. */
  readonly atS: number;
  /** What it returned; negative after an error. */
  readonly result: number;
}

/** `123 1700000000.123456 read(3, ""..., 64) = 64`, or the end of one that was interrupted by the call of another thread. */
const LINE = /^\d+ +(\d+\.\d+) (?:<\.\.\. )?(\w+)(?:\(| resumed).* = (-?\d+|\?|0x[0-9a-f]+)/;

/** All calls in the file that have returned within a time. */
export function callsIn(file: string, fromS = 0, toS = Infinity): SystemCall[] {
  const calls: SystemCall[] = [];
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const [, time, name = "", result] = LINE.exec(line) ?? [];
    const atS = Number(time);
    if (atS >= fromS && atS <= toS) calls.push({ name, atS, result: Number(result) });
  }
  return calls;
}

/** Calls that copy bytes between a process and the kernel, and return how many. */
const COPYING =
  /^(read|readv|pread64|preadv2?|write|writev|pwrite64|pwritev2?|recv|recvfrom|recvmsg|send|sendto|sendmsg)$/;

/** The bytes that were copied into the kernel, or out of it. */
export function bytesCopied(calls: readonly SystemCall[]): number {
  return calls.filter(({ name, result }) => COPYING.test(name) && result > 0)
    .reduce((sum, { result }) => sum + result, 0);
}
