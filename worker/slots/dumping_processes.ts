/**
 * Notices processes that have crashed and whose core dumps the system is writing, which it does for `run --keep-crashes`.
 * A job that has crashed in time does not time out because its dump takes longer. Linux only, since 4.15.
 */

import type { ProcFiles } from "../../runtime/proc_files.ts";

/** A dump of much memory to a slow disk takes minutes. One that never ends must not hold a slot for ever. */
export const DUMP_LIMIT_MS = 300_000;

/** Why a job fails whose process has taken longer to dump. */
export const DUMP_LATE = `crashed: its core dump was not written within ${DUMP_LIMIT_MS / 1000}s`;

/** The processes that dump their memory. */
export class DumpingProcesses {
  readonly #system: ProcFiles;
  /** When each was first seen to dump. It stays one afterwards: its end may be told a little after that of its dump. */
  readonly #sinceMs = new WeakMap<{ readonly pid: number }, number>();

  constructor(system: ProcFiles) {
    this.#system = system;
  }

  /** For how long a process has been seen to dump; `undefined` if it does not. */
  msOf(process: { readonly pid: number }, nowMs: number): number | undefined {
    const knownMs = this.#sinceMs.get(process);
    if (knownMs !== undefined) return nowMs - knownMs;
    const status = this.#system.text(`/proc/${process.pid}/status`) ?? "";
    if (!/^CoreDumping:\s*1$/m.test(status)) return undefined;
    this.#sinceMs.set(process, nowMs);
    return 0;
  }
}
