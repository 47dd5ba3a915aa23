/** What the jobs of a run took, as their slots have measured it, in bounded memory. */

import { LogHistogram } from "../system/log_histogram.ts";
import type { JobRecord } from "./output/journal/journal_record.ts";

/** The times of jobs that are done, in the core alone, and what they used. */
export interface MeasuredTimes {
  /** The jobs that were measured. Workers of version 1 of the protocol measure nothing. */
  readonly jobs: number;
  readonly medianMs: number;
  /** 95 % of them took no longer. */
  readonly p95Ms: number;
  readonly maxMs: number;
  /** CPU time in each second, of all threads: more than 1 if the core has several. `null` if it is not known. */
  readonly cpuPart: number | null;
  /** The most memory that the process of a slot had; `null` if it is not known. */
  readonly memoryBytesMax: number | null;
}

/** What is used of a record. */
type Measured = Pick<JobRecord, "state" | "runMs" | "cpuMs" | "memoryBytes">;

/** Counts the jobs of one run. */
export class TimesMeter {
  readonly #runs = new LogHistogram();
  #cpuMs = 0;
  /** The time in the core of the jobs whose CPU time is known. */
  #cpuRunMs = 0;
  #memoryBytesMax = 0;

  add({ state, runMs, cpuMs, memoryBytes = 0 }: Measured): void {
    if (state !== "done" || runMs === undefined) return;
    this.#runs.add(runMs);
    this.#memoryBytesMax = Math.max(this.#memoryBytesMax, memoryBytes);
    if (cpuMs === undefined) return;
    this.#cpuMs += cpuMs;
    this.#cpuRunMs += runMs;
  }

  /** `undefined` as long as no job was measured. */
  get all(): MeasuredTimes | undefined {
    const runs = this.#runs;
    if (runs.count === 0) return undefined;
    return {
      jobs: runs.count,
      medianMs: runs.quantile(0.5),
      p95Ms: runs.quantile(0.95),
      maxMs: runs.max,
      cpuPart: this.#cpuRunMs > 0 ? this.#cpuMs / this.#cpuRunMs : null,
      memoryBytesMax: this.#memoryBytesMax || null,
    };
  }
}
