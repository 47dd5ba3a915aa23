/** What signals do to a worker: the first ends it in order, the second at once. Others ask for its state. */

import type { Log } from "../../system/log.ts";
import type { Worker } from "../../worker/worker.ts";
import { ExitCode } from "../program/exit_code.ts";
import type { Progress } from "../terminal/live_line.ts";
import { handleSignals, type StopSignal } from "../terminal/signals.ts";
import { exit } from "../terminal/stderr.ts";
import { handleSuspension } from "../terminal/suspension.ts";
import { workerStateLines } from "../display/worker_state.ts";

/** The signals to a worker, from the start of its command. */
export class WorkerSignals {
  readonly #log: Log;
  readonly #ending = new AbortController();
  readonly #drained = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<void>();
  #worker: Worker | undefined;
  #progress: Progress | undefined;

  private constructor(log: Log) {
    this.#log = log;
  }

  /** Resolves when signals are handled. */
  static async handle(log: Log): Promise<WorkerSignals> {
    const signals = new WorkerSignals(log);
    await handleSignals({
      onStop: (signal) => signals.#onStop(signal),
      onAsked: () => signals.#onAsked(),
    });
    return signals;
  }

  /** Aborts when the worker takes no more controllers. */
  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  /** The worker has started. `progress` shows what it does. */
  onWorker(worker: Worker, progress: Progress): void {
    this.#worker = worker;
    this.#progress = progress;
    handleSuspension([progress, worker]);
    if (this.ending.aborted) this.#drain(worker);
  }

  /** Resolves when the worker has finished its last jobs, if it is told to. */
  get drained(): Promise<void> {
    return this.#drained.promise;
  }

  /** Resolves when the worker has given up its jobs, if it does. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** The worker takes no more jobs, and ends when those that run have ended. */
  drain(reason: string): void {
    if (this.ending.aborted) return;
    this.#log.info(reason);
    this.#ending.abort();
    if (this.#worker) this.#drain(this.#worker);
  }

  #drain(worker: Worker): void {
    worker.drain().then(this.#drained.resolve, this.#drained.reject);
  }

  /** The worker gives up its jobs, and ends. */
  stop(reason: string): void {
    this.#log.info(reason);
    this.#worker?.close().then(this.#stopped.resolve, this.#stopped.reject);
  }

  /** SIGQUIT is for users who do not want to wait. */
  #onStop(signal: StopSignal): void {
    if (this.ending.aborted || signal === "SIGQUIT") {
      this.#log.info(`${signal}: stopping at once; runs give its jobs to other workers`);
      this.#worker?.kill();
      this.#progress?.stop();
      return void exit(ExitCode.interrupted);
    }
    this.drain(`${signal}: finishing running jobs; send it again to stop at once`);
  }

  #onAsked(): void {
    const lines = this.#worker ? workerStateLines(this.#worker.status) : ["starting"];
    for (const line of lines) this.#log.info(line);
  }
}
