/** Limits of jobs, enforced from outside: a process that is computing cannot watch itself. */

import process from "node:process";
import type { JobLimits } from "../../protocol/mod.ts";
import type { EndpointId, Job } from "../../pool/types.ts";
import { type ProcFiles, thisSystem } from "../../runtime/proc_files.ts";
import { sizeText } from "../../system/size_text.ts";
import type { StoredCore } from "../cores/stored_core.ts";
import type { RelayedJob } from "../job.ts";
import type { TimedJob } from "./running_times.ts";

/** A job that is over a limit. */
export interface Violation {
  readonly endpoint: EndpointId;
  readonly job: Job<RelayedJob>;
  readonly kind: "timeout" | "memory";
  readonly reason: string;
}

/** Whether this system reports how much memory a process uses. */
export const CAN_MEASURE_MEMORY = residentBytes(process.pid) !== undefined;

/** Why jobs with a memory limit fail on a system where the limit cannot be enforced. */
export const CANNOT_MEASURE =
  "This worker's system does not report how much memory a process uses; " +
  "run the job without a memory limit";

/** A process has loaded a core, and has run no job. */
export function onCoreLoaded(core: StoredCore, { pid }: { pid: number }, system: ProcFiles): void {
  core.loadedBytes = residentBytes(pid, 0, system);
}

/**
 * Why a core cannot run jobs with these limits: its processes are over one before they have a job. That is no job's
 * fault, and would be so with all of them.
 */
export function limitProblem(
  { loadedBytes = 0 }: Pick<StoredCore, "loadedBytes">,
  { memoryBytes }: JobLimits,
): string | undefined {
  if (memoryBytes === 0 || loadedBytes <= memoryBytes) return undefined;
  const limit = sizeText(memoryBytes);
  return `its core uses ${sizeText(loadedBytes)} before its first job, over the limit of ${limit}`;
}

/**
 * The jobs that are over a limit now. Time counts from the start of a job. Memory also counts before, while the
 * slot receives the input, which may be too large by itself. `bytesOf` measures the process of an endpoint.
 */
export function findViolations(
  jobs: readonly TimedJob<RelayedJob>[],
  bytesOf: (endpoint: EndpointId) => number | undefined,
  nowMs: number,
): Violation[] {
  const found: Violation[] = [];
  for (const { endpoint, job, runsSinceMs } of jobs) {
    const { timeMs, memoryBytes } = job.payload.limits;
    if (timeMs > 0 && nowMs - (runsSinceMs ?? nowMs) > timeMs) {
      const reason = `timed out after ${timeMs / 1000}s`;
      found.push({ endpoint, job, kind: "timeout", reason });
    } else if (memoryBytes > 0) {
      const bytes = bytesOf(endpoint) ?? 0;
      if (bytes <= memoryBytes) continue;
      const limit = sizeText(memoryBytes);
      const reason = `used ${sizeText(bytes)} of memory, over its limit of ${limit}`;
      found.push({ endpoint, job, kind: "memory", reason });
    }
  }
  return found;
}

/**
 * The resident memory of a process; `undefined` where the system does not report it. `outputBytes`: how much of its
 * shared memory has outputs for the worker, which do not count.
 */
export function residentBytes(
  pid: number,
  outputBytes = 0,
  system: ProcFiles = thisSystem,
): number | undefined {
  const status = system.text(`/proc/${pid}/status`);
  // Without one it has just ended, or this is not Linux.
  return status === undefined ? undefined : residentIn(status, outputBytes);
}

/** The same, by what Linux says in a process' `status`. */
export function residentIn(status: string, outputBytes: number): number | undefined {
  const kib = /^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1];
  if (kib === undefined) return undefined;
  const sharedKib = /^RssShmem:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0;
  return 1024 * Number(kib) - Math.min(1024 * Number(sharedKib), outputBytes);
}

/** The most resident memory that a process had lately; `undefined` where the system does not report it. */
export function peakBytes(pid: number, system: ProcFiles): number | undefined {
  const status = system.text(`/proc/${pid}/status`) ?? "";
  const kib = /^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1];
  return kib === undefined ? undefined : 1024 * Number(kib);
}
