/**
 * Detects version 1 workers that hang. They answer no pings, so the only sign is a job that takes far longer
 * than its time limit. Without this check, one hanging worker would keep a run from ending.
 */

import type { JobLimits } from "../../protocol/mod.ts";
import type { Log } from "../../system/log.ts";
import type { ConnectedWorker } from "../workers/connected_worker.ts";
import type { WorkerHistory } from "../workers/worker_history.ts";

/** A job may take twice its limit, because it may wait for the job before it, plus the time of the transfer. */
const TIME_LIMITS = 2;
const TRANSFER_MS = 10_000;

/** Watches the version 1 workers of a cluster. */
export class Version1Watch {
  readonly #log: Log;
  readonly #warned = new Set<WorkerHistory>();
  #isPaused = false;
  #resumedAtMs = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Reading answers was paused or resumed. While it is paused, a worker's silence means nothing. */
  onPaused(isPaused: boolean, nowMs: number): void {
    this.#isPaused = isPaused;
    this.#resumedAtMs = nowMs;
  }

  /** Jobs of a worker have these limits. The warning is logged once, however often the worker reconnects. */
  onLimits({ name, history }: ConnectedWorker, { timeMs, memoryBytes }: JobLimits): void {
    if ((timeMs === 0 && memoryBytes === 0) || this.#warned.has(history)) return;
    this.#warned.add(history);
    this.#log.warn(
      `worker ${name} speaks only protocol version 1 and cannot enforce time and memory limits`,
    );
  }

  /**
   * Why to give up a worker, if it hangs. `timeMs`: the limit of its current job; 0 if it may take any time.
   * `sentAtMs`: when that was sent. `answeredAtMs`: when the worker's last answer came.
   */
  problem(
    timeMs: number,
    sentAtMs: number,
    answeredAtMs: number,
    nowMs: number,
  ): Error | undefined {
    if (timeMs === 0 || this.#isPaused) return undefined;
    const limitMs = TIME_LIMITS * timeMs + TRANSFER_MS;
    if (nowMs - Math.max(sentAtMs, answeredAtMs, this.#resumedAtMs) < limitMs) return undefined;
    const seconds = Math.round(limitMs / 1000);
    return new Error(
      `it has not answered any job for ${seconds}s; the time limit of a job is ${timeMs / 1000}s`,
    );
  }
}
