/**
 * What protocol version 1 lacks and the controller makes up for. Such a worker answers no pings, so the only
 * sign that it hangs is a job that takes far too long, and only `--timeout` says what that is. Without this
 * one silent worker keeps a run from ending.
 */

import type { Log } from "../../system/log.ts";
import type { ConnectedWorker } from "../workers/connected_worker.ts";
import type { WorkerHistory } from "../workers/worker_history.ts";
import type { JobPolicy } from "./retries.ts";

/** A job may take so many times its limit, as one may wait for another, and this long on its way. */
const TIME_LIMITS = 2;
const TRANSFER_MS = 10_000;

/** The workers of version 1 in a cluster. */
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

  /** Answers are read no more, or again: meanwhile no worker can be blamed for its silence. */
  onPaused(isPaused: boolean, nowMs: number): void {
    this.#isPaused = isPaused;
    this.#resumedAtMs = nowMs;
  }

  /** A worker is ready. It may connect again and again: people are told once. */
  onReady({ name, history }: ConnectedWorker): void {
    const { timeMs, memoryBytes } = this.#policy;
    if ((timeMs === 0 && memoryBytes === 0) || this.#warned.has(history)) return;
    this.#warned.add(history);
    this.#log.warn(
      `worker ${name} speaks only protocol version 1 and cannot enforce limits of time and memory`,
    );
  }

  /** Where jobs have a time limit: why to give a worker up whose oldest job was sent, and whose last answer came, at these times. */
  problem(sentAtMs: number, answeredAtMs: number, nowMs: number): Error | undefined {
    const { timeMs } = this.#policy;
    if (this.#isPaused) return undefined;
    const limitMs = TIME_LIMITS * timeMs + TRANSFER_MS;
    if (nowMs - Math.max(sentAtMs, answeredAtMs, this.#resumedAtMs) < limitMs) return undefined;
    const seconds = Math.round(limitMs / 1000);
    return new Error(
      `it has answered nothing for ${seconds} s; the time limit of a job is ${timeMs / 1000} s`,
    );
  }
}
