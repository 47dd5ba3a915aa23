/** What a worker has measured of a job, checked, and on the clock of this process. */

import { readUsage } from "../../protocol/mod.ts";

/** A machine has fewer CPUs and less memory than this. Larger numbers are wrong, and are dropped. */
const CPUS_MAX = 65_536;
const MEMORY_BYTES_MAX = 2 ** 50;

/**
 * The smallest difference between two clocks is that of the last one or two periods of this length: clocks drift, by up
 * to some hundredths of a millisecond in a second.
 */
const PERIOD_MS = 30_000;

/** When and where a job ran, and what it used. What is not known is missing. */
export interface JobMeasures {
  /** When the core's function began. */
  readonly startedAtMs: number;
  /** How long it took. */
  readonly runMs: number;
  readonly cpuMs: number | undefined;
  /** The most memory that the process of its slot had. */
  readonly memoryBytes: number | undefined;
  /** The number of its slot in its worker, from 0 on. */
  readonly slot: number | undefined;
}

/**
 * The clock of a worker's machine, compared with this process's. An answer arrives some time after its job has ended;
 * the shortest of these times is taken for 0. So times are late by that: by what the fastest answer took.
 */
export class WorkerClock {
  /** The smallest difference in this period and in the one before. */
  #aheadMs = Infinity;
  #lastAheadMs = Infinity;
  #periodEndsAtMs = -Infinity;

  /**
   * Reads what a worker of `slots` slots says at the beginning of `usage`. Nobody has to believe it: the job has run
   * between `sentAtMs` and `answeredAtMs`. `undefined` if it says nothing.
   */
  measures(
    usage: Uint8Array,
    slots: number | undefined,
    sentAtMs: number,
    answeredAtMs: number,
  ): JobMeasures | undefined {
    const { startUs, runUs, cpuUs, memoryBytes, slot } = readUsage(usage);
    if (runUs === 0) return undefined;
    const aheadMs = this.#compare((startUs + runUs) / 1000, answeredAtMs);
    const runMs = Math.min(runUs / 1000, answeredAtMs - sentAtMs);
    const startedAtMs = startUs / 1000 + aheadMs;
    return {
      startedAtMs: Math.min(Math.max(startedAtMs, sentAtMs), answeredAtMs - runMs),
      runMs,
      cpuMs: cpuUs > 0 && cpuUs <= runUs * CPUS_MAX ? cpuUs / 1000 : undefined,
      memoryBytes: memoryBytes > 0 && memoryBytes < MEMORY_BYTES_MAX ? memoryBytes : undefined,
      slot: slot < (slots ?? Infinity) ? slot : undefined,
    };
  }

  /** A job has ended at this time of the worker's clock. Gives how far this process's clock is ahead. */
  #compare(endedMs: number, answeredAtMs: number): number {
    if (answeredAtMs >= this.#periodEndsAtMs) {
      this.#lastAheadMs = this.#aheadMs;
      this.#aheadMs = Infinity;
      this.#periodEndsAtMs = answeredAtMs + PERIOD_MS;
    }
    this.#aheadMs = Math.min(this.#aheadMs, answeredAtMs - endedMs);
    return Math.min(this.#aheadMs, this.#lastAheadMs);
  }
}
