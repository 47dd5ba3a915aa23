/**
 * Detects version 1 workers that hang. They answer no pings, so the only sign is a job that takes far longer
 * than `--timeout`. Without this check, one hanging worker would keep a run from ending.
 */

import type { Log } from "../../system/log.ts";
import type { ConnectedWorker } from "../workers/connected_worker.ts";
import type { WorkerHistory } from "../workers/worker_history.ts";
import type { JobPolicy } from "./job_policy.ts";

/** A job may take twice its limit, because it may wait for the job before it, plus the time of the transfer. */
const TIME_LIMITS = 2;
const TRANSFER_MS = 10_000;

/** Watches the version 1 workers of a cluster. */
export class Version1Watch {
  readonly #policy: JobPolicy;
  readonly #log: Log;
  readonly #warned = new Set<WorkerHistory>();
  #isPaused = false;
  #resumedAtMs = 0;

  constructor(policy: JobPolicy, log: Log) {
    this.#policy = policy;
    this.#log = log;
  }

  /** Reading answers was paused or resumed. While it is paused, a worker's silence means nothing. */
  onPaused(isPaused: boolean, nowMs: number): void {
    this.#isPaused = isPaused;
    this.#resumedAtMs = nowMs;
  }

  /** A worker is ready. The warning is logged once, however often the worker reconnects. */
  onReady({ name, history }: ConnectedWorker): void {
    const { timeMs, memoryBytes } = this.#policy;
    if ((timeMs === 0 && memoryBytes === 0) || this.#warned.has(history)) return;
    this.#warned.add(history);
    this.#log.warn(
      `worker ${name} speaks only protocol version 1 and cannot enforce time and memory limits`,
    );
  }

  /**
   * Why to give up a worker, if it hangs. `sentAtMs`: when its current job was sent. `answeredAtMs`: when its last
   * answer came. Only for runs with a time limit.
   */
  problem(sentAtMs: number, answeredAtMs: number, nowMs: number): Error | undefined {
    const { timeMs } = this.#policy;
    if (this.#isPaused) return undefined;
    const limitMs = TIME_LIMITS * timeMs + TRANSFER_MS;
    if (nowMs - Math.max(sentAtMs, answeredAtMs, this.#resumedAtMs) < limitMs) return undefined;
    const seconds = Math.round(limitMs / 1000);
    return new Error(
      `it has not answered any job for ${seconds}s; the time limit of a job is ${timeMs / 1000}s`,
    );
  }
}
