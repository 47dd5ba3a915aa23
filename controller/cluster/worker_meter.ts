/** What a worker has measured of its jobs, checked, and on the clock of this machine. */

import { readUsage } from "../../protocol/mod.ts";
import type { ConnectedWorker } from "../workers/connected_worker.ts";
import type { WallTime } from "../../system/wall_time.ts";

/** A machine has fewer CPUs and less memory than this. Larger numbers are wrong, and are dropped. */
const CPUS_MAX = 65_536;
const MEMORY_BYTES_MAX = 2 ** 50;

/**
 * The smallest difference between two clocks is that of the last one or two periods of this length: clocks drift, by up
 * to some hundredths of a millisecond in a second.
 */
const PERIOD_MS = 30_000;

/** When and where a job ran, and what it used. What is not known is missing. Times are in milliseconds since 1970. */
export interface JobMeasures {
  /** When its input was read, and it was queued. */
  readonly queuedAt: number;
  /** When its answer came. */
  readonly answeredAt: number;
  /** When the core's function began. */
  readonly startedAt: number | undefined;
  /** How long it took. */
  readonly runMs: number | undefined;
  readonly cpuMs: number | undefined;
  /** The most memory that the process of its slot had. */
  readonly memoryBytes: number | undefined;
  /** The number of its slot in its worker, from 0 on. */
  readonly slot: number | undefined;
}

/** An answered job, on the clock of this process. */
interface Answered {
  readonly job: { readonly addedAtMs: number; readonly sentAtMs: number };
  readonly answer: { readonly usage?: Uint8Array; readonly usageAt?: number };
  readonly answeredAtMs: number;
}

/**
 * What one worker has measured. Most of it is looked at only for the journal, after scheduling.
 *
 * An answer arrives some time after its job has ended. The shortest of these times is taken for 0, which gives the
 * difference between the clock of the worker's machine and this one. So times are late by what the fastest answer took.
 */
export class WorkerMeter {
  readonly #wallTime: WallTime;
  readonly #slots: number;
  /** The smallest difference in this period and in the one before. */
  #aheadMs = Infinity;
  #lastAheadMs = Infinity;
  #periodEndsAtMs = -Infinity;

  /** `worker`: its address and its node; missing for jobs that no worker has answered. */
  constructor(
    wallTime: WallTime,
    readonly worker?: Pick<ConnectedWorker, "origin" | "node" | "slots">,
  ) {
    this.#wallTime = wallTime;
    this.#slots = worker?.slots ?? Infinity;
  }

  /** Nobody has to believe what a worker says: each job has run between its sending and its answer. */
  measures({ job, answer, answeredAtMs }: Answered): JobMeasures {
    const wallMs = this.#wallTime.aheadMs(answeredAtMs);
    const queuedAt = job.addedAtMs + wallMs;
    const answeredAt = answeredAtMs + wallMs;
    const { startUs, runUs, cpuUs, memoryBytes, slot } = answer.usage
      ? readUsage(answer.usage, answer.usageAt)
      : UNKNOWN;
    if (runUs === 0) {
      return { queuedAt, answeredAt, ...NOT_MEASURED, slot: answer.usage && this.#known(slot) };
    }
    const aheadMs = this.#compare((startUs + runUs) / 1000, answeredAtMs);
    const runMs = Math.min(runUs / 1000, answeredAtMs - job.sentAtMs);
    const startedAtMs = Math.max(startUs / 1000 + aheadMs, job.sentAtMs);
    return {
      queuedAt,
      answeredAt,
      startedAt: Math.min(startedAtMs, answeredAtMs - runMs) + wallMs,
      runMs,
      cpuMs: cpuUs > 0 && cpuUs / 1000 <= runMs * CPUS_MAX ? cpuUs / 1000 : undefined,
      memoryBytes: memoryBytes > 0 && memoryBytes < MEMORY_BYTES_MAX ? memoryBytes : undefined,
      slot: this.#known(slot),
    };
  }

  #known(slot: number): number | undefined {
    return slot < this.#slots ? slot : undefined;
  }

  /** A job has ended at this time of the worker's clock. Returns how far this process's clock is ahead. */
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

const UNKNOWN = { startUs: 0, runUs: 0, cpuUs: 0, memoryBytes: 0, slot: 0 };

const NOT_MEASURED = {
  startedAt: undefined,
  runMs: undefined,
  cpuMs: undefined,
  memoryBytes: undefined,
};
