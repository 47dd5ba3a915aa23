/** A run: reads inputs from a source, runs them as jobs, and ends each with an output or a reason for its failure. */

import { formatAddress } from "../link/address.ts";
import type { Address, Runtime } from "../runtime/ports.ts";
import type { Log } from "../system/log.ts";
import { Cluster, type ClusterOptions } from "./cluster/cluster.ts";
import type { ViewLimits } from "./cluster/cluster_view.ts";
import { CommitWindow } from "./commit_window.ts";
import { Committer } from "./committer.ts";
import { keptWarning } from "./kept_warning.ts";
import { type FailureLimit, isExceeded, TooManyFailuresError } from "./failure_limit.ts";
import type { ReadyTask, Source, SourceTask } from "./inputs/source.ts";
import type { Journal } from "./output/journal/journal.ts";
import type { OutputSink } from "./output/sink.ts";
import type { PrintedByJob } from "./printed_by_job.ts";
import { InterruptedError, NoWorkerError } from "./run_errors.ts";
import { endingOf } from "./noted_ending.ts";
import { RunningTime } from "./running_time.ts";
import { runLines } from "./run_lines.ts";
import type { RunStatus, RunView } from "./run_status.ts";
import type { KeptCrashes } from "./kept_crashes.ts";
import { JobCounter } from "./job_counter.ts";
import type { CoreImage } from "./workers/core_image.ts";
import { LocalWorker, type LocalWorkerShares } from "./workers/local_worker.ts";

export type { PrintedByJob } from "./printed_by_job.ts";
export type { RunStatus, RunView } from "./run_status.ts";
export type { Failure } from "./job_counter.ts";

/** The parts that a run works with. */
export interface RunParts {
  readonly runtime: Runtime;
  readonly core: CoreImage;
  readonly source: Source;
  readonly sink: OutputSink;
  readonly journal: Journal;
  readonly log: Log;
  /** Limits and retries of the jobs. */
  readonly options?: ClusterOptions;
  /** Workers to dial. */
  readonly workers: readonly Address[];
  /** Where to listen for workers. `onListening` gets the address with the actual port. */
  readonly listen?: Address | undefined;
  readonly onListening?: (address: Address) => void;
  /** What the local worker gets of this machine. `undefined`: the run starts none. */
  readonly local?: LocalWorkerShares | undefined;
  /** This worker, if it was launched before the run. */
  readonly early?: LocalWorker | undefined;
  /** Gets what jobs print, if `options.coreOutput` asks for it. */
  readonly onPrinted?: (printed: PrintedByJob) => void;
  /** A job that was run has ended with this attempt, and prints nothing more. */
  readonly onEnded?: (name: string, attempt: number) => void;
  /** Keeps crashes, if given. */
  readonly crashes?: KeptCrashes | undefined;
  /** How many failures stop the run. Default: no limit. */
  readonly failureLimit?: FailureLimit | undefined;
  /** Jobs that will probably be skipped because they finished in earlier runs. They take no time. */
  readonly skipsExpected?: number;
}

/** The phase of a run. It never goes back to an earlier one. */
type State =
  /** Inputs are read and queued. */
  | { readonly phase: "feeding" }
  /** All inputs are queued. */
  | { readonly phase: "finishing" }
  /** No more jobs are started. The run waits for the running ones. */
  | { readonly phase: "draining"; readonly error: Error }
  /** The run no longer waits for jobs. */
  | { readonly phase: "stopped" };

/** A run, from its start to its end. */
export class Run {
  readonly #parts: RunParts;
  readonly #cluster: Cluster<ReadyTask>;
  readonly #counter: JobCounter;
  readonly #window: CommitWindow;
  readonly #committer: Committer;
  #state: State = { phase: "feeding" };
  /** Resolves when the run stops: to the error that stopped it, or to `undefined`. */
  readonly #stopped = Promise.withResolvers<unknown>();
  readonly #abandoned = Promise.withResolvers<void>();
  readonly #time: RunningTime;
  /** What has ended the run early, if something has, once it waits for no more jobs. */
  #stopError: { readonly error: unknown } | undefined;
  #local: LocalWorker | undefined;
  #dialed: readonly Address[] = [];

  constructor(parts: RunParts) {
    const { runtime, core, sink, log, options = {}, skipsExpected = 0 } = parts;
    this.#parts = parts;
    this.#time = new RunningTime(runtime.clock);
    const counter = this.#counter = new JobCounter(skipsExpected);
    const window = this.#window = new CommitWindow((isFull) => this.#cluster.pause(isFull));
    sink.countIn?.(window, options.memory);
    this.#committer = new Committer({ ...parts, ...options, counter, window }, {
      onFinished: () => this.#onFinished(),
      onKept: keptWarning(log),
      onError: (error) => this.#stop(error),
    });
    this.#cluster = new Cluster<ReadyTask>(
      runtime,
      core,
      {
        onCompleted: (completion) => {
          const { payload, attempt } = completion.job;
          parts.onEnded?.(payload.name, attempt);
          this.#committer.onCompleted(completion);
        },
        onNoWorkerLeft: (reasons) => this.#onNoWorker(reasons),
        onCanceled: (count) => this.#onCanceled(count),
        onDisagreement: (error) => this.#stop(error),
        ...runLines(parts.journal, (error) => this.#stop(error)),
        onPrinted: ({ job, ...printed }) => {
          const { payload, attempt = 0 } = job ?? {};
          parts.onPrinted?.({ name: payload?.name, attempt, ...printed });
        },
      },
      log,
      { ...options, hugeOutputs: sink.hugeOutputs?.((options.verifiedPart ?? 0) > 0) },
    );
  }

  /** Runs all jobs. Rejects with the error that ended the run early. */
  async complete(): Promise<void> {
    await this.#start().catch((error) => this.#stop(error));
    const stopError = await this.#stopped.promise ?? this.#failureLimitError(true);
    this.#stopError = { error: stopError };
    this.#time.end();
    const closeError = await this.#close(stopError);
    const error = stopError ?? closeError;
    if (error) throw error;
  }

  /**
   * Starts no more jobs. The run ends when the running ones have finished. Returns whether it was still starting
   * jobs.
   */
  interrupt(error: Error = new InterruptedError()): boolean {
    const { phase } = this.#state;
    this.#drain(error);
    return phase === "feeding" || phase === "finishing";
  }

  /** This process is about to be stopped, or goes on: so do the slots of its own worker. */
  suspend(isSuspended: boolean): void {
    this.#local?.suspend(isSuspended);
  }

  /** Ends without the results of running jobs: at once, or with an error, and then in order. */
  abandon(error?: Error): void {
    this.#stop(error ?? new InterruptedError());
    if (!error) this.#abandoned.resolve();
    if (!error) this.#local?.abandon();
  }

  get status(): RunStatus {
    const { phase } = this.#state;
    return {
      phase: phase === "stopped" ? "ending" : phase === "draining" ? phase : "running",
      ...this.#cluster.status,
      ...this.#counter.counts,
      ending: this.#stopError && endingOf(this.#stopError.error, this.#counter.counts),
      elapsedMs: this.#time.ms,
      busyPart: this.#cluster.busyPart,
    };
  }

  /** What the run is doing now, for people who ask. */
  view(limits: ViewLimits): RunView {
    const { status } = this;
    const now = { status, isReading: this.#isFeeding, waitsForOutputs: this.#window.isFull };
    const view = this.#cluster.view(limits);
    return status.phase === "ending"
      ? { ...now, ...view, workers: [], oldest: [] } // it has let its workers go
      : { ...now, ...view };
  }

  /** Why no worker has joined yet; `undefined` once one has. */
  get whyNoWorker(): readonly string[] | undefined {
    return this.#cluster.whyNoWorker;
  }

  /** Dials these workers from now on. Workers that are no longer in the list finish their jobs and are removed. */
  setWorkers(workers: readonly Address[]): void {
    const names = new Set(workers.map(formatAddress));
    for (const address of this.#dialed) {
      if (!names.has(formatAddress(address))) this.#cluster.stopDialing(address);
    }
    for (const address of workers) this.#cluster.dial(address);
    this.#dialed = workers;
  }

  /** Counts the inputs while the run goes on, to estimate how long it will take. */
  async countTotal(): Promise<void> {
    const total = await this.#parts.source.count().catch(() => undefined); // the run itself meets the error
    this.#counter.onCounted(total);
  }

  async #start(): Promise<void> {
    const { workers, listen, onListening, local, early, crashes, runtime, log } = this.#parts;
    await crashes?.open();
    this.setWorkers(workers);
    if (listen) {
      const address = this.#cluster.listen(listen);
      onListening?.(address);
    }
    if (local !== undefined) {
      const options = { shares: local, log, dumpsFolder: crashes?.dumpsFolder };
      early?.use(this.#cluster, log);
      this.#local = early ?? await LocalWorker.start(runtime, this.#cluster, options);
    }
    void this.#feed();
  }

  async #feed(): Promise<void> {
    try {
      for await (const batch of this.#parts.source.batches) {
        for (const task of batch) {
          if (!this.#isFeeding) return; // an unreadable input may exceed the failure limit
          this.#add(task);
        }
        await this.#cluster.room();
        if (!this.#isFeeding) return;
      }
    } catch (error) {
      return this.#stop(error);
    }
    if (this.#isFeeding) this.#onAllFed();
  }

  get #isFeeding(): boolean {
    return this.#state.phase === "feeding";
  }

  #add(task: SourceTask): void {
    this.#counter.onAdded();
    if (task.kind === "ready") this.#cluster.add(task);
    else if (task.kind === "skipped") this.#committer.onSkipped(task);
    else this.#committer.onUnreadable(task);
  }

  #onAllFed(): void {
    this.#state = { phase: "finishing" };
    this.#counter.onAllAdded();
    this.#cluster.end();
    this.#stopIfFinished();
  }

  #onFinished(): void {
    const error = this.#failureLimitError(false);
    if (error) this.#drain(error);
    this.#stopIfFinished();
  }

  /** Failures of earlier runs do not count. */
  #failureLimitError(isEnd: boolean): Error | undefined {
    const { failureLimit: limit } = this.#parts;
    const { failed, finished } = this.#counter;
    if (!limit || !isExceeded(limit, failed, finished, isEnd)) return undefined;
    return new TooManyFailuresError(limit, failed, finished, !isEnd);
  }

  #drain(error: Error): void {
    const { phase } = this.#state;
    if (phase === "draining" || phase === "stopped") return;
    this.#state = { phase: "draining", error };
    this.#counter.onCanceled(this.#cluster.cancelUnstarted());
    this.#local?.onDraining();
    this.#cluster.end();
    this.#stopIfFinished();
  }

  /** Jobs that were waiting for a retry are canceled. */
  #onCanceled(count: number): void {
    this.#counter.onCanceled(count);
    this.#stopIfFinished();
  }

  /** No worker is left, which is an error unless every job is answered. */
  #onNoWorker(reasons: readonly string[]): void {
    if (this.#counter.needsWorkers) this.#stop(new NoWorkerError(reasons));
  }

  #stopIfFinished(): void {
    if (this.#counter.areAllFinished && !this.#isFeeding) this.#stop(undefined);
  }

  /** Stops waiting for jobs. The first error becomes the run's, unless it is of a limit that has ended no job. */
  #stop(error: unknown): void {
    const drain = this.#state.phase === "draining" ? this.#state : undefined;
    this.#state = { phase: "stopped" };
    const isMoot = this.#counter.isComplete && !(drain?.error instanceof InterruptedError);
    this.#stopped.resolve(drain && !isMoot ? drain.error : error);
  }

  /** Closes all parts, even if closing one fails. Returns the first error. `stopError`: what has ended the run early. */
  async #close(stopError: unknown): Promise<unknown> {
    this.#cluster.close();
    // Closed at once: a worker that is disconnected exits, and must not be started again.
    const localClosed = this.#local?.close();
    localClosed?.catch(() => {}); // reported below
    await Promise.race([this.#window.empty(), this.#abandoned.promise]);
    const { journal, sink, crashes } = this.#parts;
    const closings = [
      // If outputs are still being written, one of them may be renamed into place without a record.
      () => journal.close(this.#window.isEmpty, endingOf(stopError, this.#counter.counts)),
      () => sink.close().finally(() => this.#counter.onLost(sink.lostOutputs ?? 0)),
      () => crashes?.close(),
      () => localClosed, // last: it ends beside all that
    ];
    let first: unknown;
    for (const close of closings) {
      await close()?.catch((error) => first ??= error);
    }
    return first;
  }
}
