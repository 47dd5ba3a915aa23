/**
 * Measures the jobs of a slot. A short job costs two readings of a clock, for which the system is not asked. CPU time
 * and memory have to be asked for, so several short jobs share a reading.
 */

import type { JobUsage } from "../protocol/mod.ts";
import type { ProcessUsage } from "../runtime/native/process_usage.ts";

/**
 * CPU time is read at the end of a job if the last reading is this old. Jobs that end before that count as having used
 * one CPU all the time, so that the CPU time of a job is wrong by this at most, for each thread of its core.
 */
const CPU_READING_US = 100;

/** The same for memory. The peak of a job can be that of one which ran within this time before it. */
const MEMORY_READING_US = 5_000;

/** The meter of one slot. */
export class JobMeter {
  readonly #process: ProcessUsage;
  /** What the last job has used. One object serves all jobs, as each is written out before the next one begins. */
  readonly #usage: { -readonly [Field in keyof JobUsage]: JobUsage[Field] };
  #cpuReadAtUs = -Infinity;
  /** The CPU time then, and what short jobs have used since. */
  #cpuUs = 0;
  #sharedUs = 0;
  #memoryReadAtUs = -Infinity;

  /** `slot`: its number in its worker. */
  constructor(process: ProcessUsage, slot: number) {
    this.#process = process;
    this.#usage = { startUs: 0, runUs: 0, cpuUs: 0, memoryBytes: 0, slot };
  }

  /** What the last job has used. */
  get usage(): JobUsage {
    return this.#usage;
  }

  /** The core is loaded: the memory that this took, and that has been given back, is not that of a job. */
  onLoaded(): void {
    this.#process.takePeakBytes();
  }

  /** A job is about to run. Returns the time. */
  onStart(): number {
    const nowUs = this.#process.nowUs();
    if (nowUs - this.#cpuReadAtUs >= CPU_READING_US) this.#readCpu(nowUs);
    this.#usage.startUs = nowUs;
    return nowUs;
  }

  /** It has run. Returns the time. */
  onEnd(): number {
    const nowUs = this.#process.nowUs();
    const usage = this.#usage;
    usage.runUs = nowUs - usage.startUs;
    if (nowUs - this.#cpuReadAtUs >= CPU_READING_US) {
      const usedUs = this.#readCpu(nowUs);
      usage.cpuUs = Math.max(0, usedUs);
    } else {
      usage.cpuUs = usage.runUs;
      this.#sharedUs += usage.runUs;
    }
    if (nowUs - this.#memoryReadAtUs >= MEMORY_READING_US) {
      usage.memoryBytes = this.#process.takePeakBytes();
      this.#memoryReadAtUs = nowUs;
    }
    return nowUs;
  }

  /** The CPU time since the last reading, without that of the short jobs in between. */
  #readCpu(nowUs: number): number {
    const beforeUs = this.#cpuUs + this.#sharedUs;
    this.#cpuUs = this.#process.cpuUs();
    this.#sharedUs = 0;
    this.#cpuReadAtUs = nowUs;
    return this.#cpuUs - beforeUs;
  }
}
