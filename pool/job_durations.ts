/** How long jobs take, learned from those that have ended and from those that still run. */

import type { DispatchId, EndpointId } from "./ids.ts";

/** How many of the latest jobs count: enough for a percentile, and few enough to follow a change. */
const RECENT_JOBS = 128;

/** A new job takes longer than this part of the others only rarely; then it runs again elsewhere. */
const PERCENTILE = 0.95;

/** A job that runs. */
export interface RunningJob {
  readonly endpoint: EndpointId;
  readonly dispatch: DispatchId;
  readonly job: { readonly sentAtMs: number };
}

/**
 * Learns from samples of the running jobs, several times a second. Jobs that end between two samples are not seen: they
 * are so short that they always fit.
 */
export class JobDurations {
  readonly #endedMs: number[] = [];
  #ended = 0;
  #running = new Map<string, number>();

  /** These jobs run now. Those that were running before and are not among them have ended. */
  onSample(jobs: readonly RunningJob[], nowMs: number): void {
    const before = this.#running;
    this.#running = new Map();
    for (const { endpoint, dispatch, job } of jobs) {
      this.#running.set(`${endpoint} ${dispatch}`, nowMs - job.sentAtMs);
    }
    for (const [id, ms] of before) {
      if (!this.#running.has(id)) this.#endedMs[this.#ended++ % RECENT_JOBS] = ms;
    }
  }

  /** How many jobs run. */
  get running(): number {
    return this.#running.size;
  }

  /** How long another job will probably take; 0 before the first one. A job that still runs takes at least its age. */
  get expectedMs(): number {
    const sorted = [...this.#endedMs, ...this.#running.values()].sort((one, other) => one - other);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * PERCENTILE))] ?? 0;
  }
}
