/** A run: every input of a source ends as an output in the sink, or as a failure with a reason. */

import { crc32 } from "node:zlib";
import { formatAddress } from "../link/address.ts";
import type { Log } from "../system/log.ts";
import type { Address, Runtime } from "../runtime/ports.ts";
import { checksumText } from "./output/checksum.ts";
import type { CoreImage } from "./workers/core_image.ts";
import { Cluster, type ClusterOptions, type ClusterStatus } from "./cluster/cluster.ts";
import type { Completion } from "./cluster/task.ts";
import { type DirectorySink, OutputNameError } from "./output/directory_sink.ts";
import { type FailureLimit, isExceeded, TooManyFailuresError } from "./failure_limit.ts";
import { factsOf, failureText, type JobFacts, UNSENT } from "./job_facts.ts";
import type { Journal } from "./output/journal.ts";
import type { JobRecord } from "./output/journal_record.ts";
import { LocalWorker } from "./workers/local_worker.ts";
import { InterruptedError, NoWorkerError } from "./run_errors.ts";
import type { EarlierTask, NamedTask, Source, UnreadableTask } from "./inputs/source.ts";

/** Results that are being written. Beyond either, workers wait with their answers. */
const UNCOMMITTED_JOBS_MAX = 64;
const UNCOMMITTED_BYTES_MAX = 64 * 1024 * 1024;

/** Failures that the summary names. All are in the journal. */
const FAILURES_NAMED_MAX = 20;

const NOTHING = new Uint8Array(0);

/** What a run is made of. */
export interface RunParts {
  readonly runtime: Runtime;
  readonly core: CoreImage;
  readonly source: Source;
  readonly sink: DirectorySink;
  readonly journal: Journal;
  readonly log: Log;
  /** What jobs may do. */
  readonly options?: ClusterOptions;
  /** Workers to dial. */
  readonly workers: readonly Address[];
  /** Where to take workers that dial, and who hears where that is. */
  readonly listen?: Address | undefined;
  readonly onListening?: (address: Address) => void;
  /** Slots of a worker of the run's own; none if it is not given. */
  readonly localSlots?: number | undefined;
  /** How many failures end the run; any number is well if it is not given. */
  readonly failureLimit?: FailureLimit | undefined;
  /** Jobs that will turn out to have ended in earlier runs, as far as one can tell; for the time left. */
  readonly earlierJobs?: number;
}

/** A failed job, for people. */
export interface Failure {
  readonly name: string;
  readonly reason: string;
}

/** How far a run is. */
export interface RunStatus extends ClusterStatus {
  readonly done: number;
  readonly failed: number;
  /** Those of them that earlier runs have done, and in which they have failed. */
  readonly doneBefore: number;
  readonly failedBefore: number;
  /** Jobs still to come that will probably turn out to be such. */
  readonly beforeLeft: number;
  /** Jobs in all, once that is known. */
  readonly total: number | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly elapsedMs: number;
  /** Part of the slots' time in which they had a job, 0 to 1. */
  readonly busyPart: number;
  readonly failures: readonly Failure[];
}

/** A run, from its start to its end. */
export class Run {
  readonly #parts: RunParts;
  readonly #cluster: Cluster<NamedTask>;
  readonly #stopped = Promise.withResolvers<void>();
  readonly #startedAtMs = performance.now();
  #endedAtMs: number | undefined;
  #total: number | undefined;
  #added = 0;
  #answered = 0;
  #done = 0;
  #failed = 0;
  #doneBefore = 0;
  #failedBefore = 0;
  #bytesIn = 0;
  #bytesOut = 0;
  readonly #failures: Failure[] = [];
  #uncommittedJobs = 0;
  #uncommittedBytes = 0;
  #isPaused = false;
  #sourceEnded = false;
  #isStopping = false;
  #error: unknown;
  #local: LocalWorker | undefined;
  #dialled: readonly Address[] = [];
  readonly #abandoned = Promise.withResolvers<void>();
  #onCommitted: (() => void) | undefined;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#cluster = new Cluster<NamedTask>(
      parts.runtime,
      parts.core,
      {
        onCompleted: (completion) => this.#onCompleted(completion),
        onNoWorkerLeft: (reasons) => this.#onForsaken(reasons),
        onCanceled: (count) => this.#onCancelled(count),
        onDisagreement: (error) => this.#stop(error),
      },
      parts.log,
      parts.options,
    );
  }

  /** Runs to the end, and rejects with what ended it before. */
  async complete(): Promise<void> {
    try {
      await this.#meetWorkers();
      void this.#feed();
      await this.#stopped.promise;
      this.#checkFailures(true);
    } catch (error) {
      this.#error ??= error;
    }
    this.#endedAtMs = performance.now();
    await this.#close();
    if (this.#error) throw this.#error;
  }

  /** Sends nothing more and ends when what runs is answered. */
  interrupt(): void {
    this.#finish(new InterruptedError());
  }

  #finish(error: Error): void {
    if (this.#isStopping || this.#endedAtMs !== undefined) return;
    this.#isStopping = true;
    this.#error = error;
    this.#added -= this.#cluster.cancelUnstarted();
    this.#cluster.end();
    this.#checkEnd();
  }

  #onCancelled(count: number): void {
    this.#added -= count;
    this.#checkEnd();
  }

  /** Ends now. What runs is not answered any more. */
  abandon(): void {
    if (this.#endedAtMs === undefined) this.#stop(new InterruptedError());
    this.#abandoned.resolve();
    this.#local?.abandon();
  }

  get status(): RunStatus {
    return {
      ...this.#cluster.status,
      done: this.#done,
      failed: this.#failed,
      doneBefore: this.#doneBefore,
      failedBefore: this.#failedBefore,
      beforeLeft: this.#beforeLeft(),
      total: this.#total,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      elapsedMs: (this.#endedAtMs ?? performance.now()) - this.#startedAtMs,
      busyPart: this.#cluster.busyPart,
      failures: this.#failures,
    };
  }

  /** Other workers are to be dialled from now on. Those that are not among them any more finish what they have. */
  setWorkers(workers: readonly Address[]): void {
    const names = new Set(workers.map(formatAddress));
    for (const address of this.#dialled) {
      if (!names.has(formatAddress(address))) this.#cluster.leave(address);
    }
    for (const address of workers) this.#cluster.dial(address);
    this.#dialled = workers;
  }

  /** Has the total counted while the run goes on, for those who want to know how long it will take. */
  async countTotal(): Promise<void> {
    const total = await this.#parts.source.count().catch(() => undefined);
    this.#total ??= total;
  }

  async #meetWorkers(): Promise<void> {
    const { workers, listen, onListening, localSlots, runtime, log } = this.#parts;
    this.setWorkers(workers);
    if (listen) onListening?.(this.#cluster.listen(listen));
    if (localSlots === undefined) return;
    this.#local = await LocalWorker.start(runtime, this.#cluster, { slots: localSlots, log });
  }

  /** Closes everything, also when something of it fails: the first failure is the one to report. */
  async #close(): Promise<void> {
    this.#cluster.close();
    await Promise.race([this.#committed(), this.#abandoned.promise]);
    const { journal, sink } = this.#parts;
    const closings = [
      () => this.#local?.close(),
      // What is abandoned may still come to its place, with nobody left to record it.
      () => journal.close(this.#uncommittedJobs === 0),
      () => sink.close(),
    ];
    for (const close of closings) {
      await close()?.catch((error) => this.#error ??= error);
    }
  }

  /** Resolves when no output is on its way to the disk. */
  async #committed(): Promise<void> {
    if (this.#uncommittedJobs === 0) return;
    await new Promise<void>((resolve) => this.#onCommitted = resolve);
  }

  async #feed(): Promise<void> {
    try {
      for await (const batch of this.#parts.source.batches) {
        if (this.#isStopping) return;
        for (const task of batch) {
          this.#add(task);
          if (this.#isStopping) return; // that failure was one too many
        }
        await this.#cluster.room();
        if (this.#isStopping) return;
      }
    } catch (error) {
      this.#stop(error);
      return;
    }
    this.#sourceEnded = true;
    this.#total = this.#added;
    this.#cluster.end();
    this.#checkEnd();
  }

  #add(task: NamedTask | UnreadableTask | EarlierTask): void {
    this.#added += 1;
    if ("earlier" in task) this.#keep(task);
    else if ("failure" in task) this.#miss(task);
    else this.#cluster.add(task);
  }

  /** A job that has ended in an earlier run counts, and that is all. */
  #keep({ name, earlier }: EarlierTask): void {
    this.#settle(NOTHING, () => {
      if (earlier.state === "done") {
        this.#done += 1;
        this.#doneBefore += 1;
        if (earlier.again) this.#parts.journal.add(earlier.again);
        return;
      }
      this.#failed += 1;
      this.#failedBefore += 1;
      if (this.#failures.length >= FAILURES_NAMED_MAX) return;
      const failure = { name, reason: "" };
      this.#failures.push(failure);
      return earlier.reason().then((reason) => void (failure.reason = reason));
    });
  }

  #beforeLeft(): number {
    if (this.#sourceEnded) return 0;
    const { earlierJobs = 0 } = this.#parts;
    return Math.max(0, earlierJobs - this.#doneBefore - this.#failedBefore);
  }

  #onCompleted(completion: Completion<NamedTask>): void {
    const { job, answer } = completion;
    const facts = factsOf(completion);
    this.#bytesIn += job.bytes;
    if (answer.kind === "error") return this.#fail(job.payload, answer.message, facts);
    const { exitCode, output } = answer.result;
    this.#bytesOut += output.byteLength;
    if (exitCode === 0) {
      this.#settle(output, () => this.#commit(job.payload, output, facts));
    } else this.#fail(job.payload, failureText(exitCode, output), { ...facts, exitCode });
  }

  #commit(task: NamedTask, output: Uint8Array, facts: JobFacts): Promise<void> | void {
    const done = () => {
      this.#done += 1;
      const crcOut = checksumText(crc32(output));
      this.#record(task, { state: "done", exitCode: 0, ...facts, crcOut });
      this.#checkFailures(false);
    };
    const failed = (error: unknown) => {
      if (!(error instanceof OutputNameError)) throw error;
      this.#countFailure(task, error.message, facts);
    };
    try {
      return this.#parts.sink.commit(task.name, output)?.then(done, failed) ?? done();
    } catch (error) {
      failed(error);
    }
  }

  #fail(task: NamedTask, reason: string, facts: JobFacts): void {
    this.#settle(NOTHING, async () => {
      await this.#parts.sink.remove(task.name);
      this.#countFailure(task, reason, facts);
    });
  }

  /** An input that is not there now says nothing about the output that it once had: that stays. */
  #miss(task: UnreadableTask): void {
    this.#settle(NOTHING, () => this.#countFailure(task, task.failure, UNSENT));
  }

  #countFailure(task: RecordedTask, reason: string, facts: JobFacts): void {
    this.#failed += 1;
    if (this.#failures.length < FAILURES_NAMED_MAX) {
      this.#failures.push({ name: task.name, reason });
    }
    this.#record(task, { state: "failed", error: reason, ...facts });
    this.#checkFailures(false);
  }

  /** Ends a run that goes wrong. What has failed before it is no matter. */
  #checkFailures(isEnd: boolean): void {
    const limit = this.#parts.failureLimit;
    if (!limit || this.#error) return;
    const failed = this.#failed - this.#failedBefore;
    const finished = this.#done - this.#doneBefore + failed;
    if (!isExceeded(limit, failed, finished, isEnd)) return;
    const error = new TooManyFailuresError(limit, failed, finished, !isEnd);
    if (isEnd) this.#error = error;
    else this.#finish(error);
  }

  #record(
    { index, name, identity }: RecordedTask,
    outcome: Omit<JobRecord, "index" | "input" | "identity">,
  ): void {
    this.#parts.journal.add({ index, input: name, ...outcome, identity });
  }

  /** Brings a job to its end, with a bound on how many are on their way there at once. */
  #settle(output: Uint8Array, act: () => Promise<void> | void): void {
    this.#answered += 1;
    let ending: Promise<void> | void;
    try {
      ending = act();
    } catch (error) {
      return this.#stop(error);
    }
    if (!ending) return this.#checkEnd();
    this.#uncommittedJobs += 1;
    this.#uncommittedBytes += output.byteLength;
    if (this.#isOverfull(1)) this.#setPaused(true);
    ending.catch((error) => this.#stop(error)).finally(() => {
      this.#uncommittedJobs -= 1;
      this.#uncommittedBytes -= output.byteLength;
      if (!this.#isOverfull(0.5)) this.#setPaused(false);
      if (this.#uncommittedJobs === 0) this.#onCommitted?.();
      this.#checkEnd();
    });
  }

  #setPaused(isPaused: boolean): void {
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    this.#cluster.pause(isPaused);
  }

  #isOverfull(part: number): boolean {
    return this.#uncommittedJobs > part * UNCOMMITTED_JOBS_MAX ||
      this.#uncommittedBytes > part * UNCOMMITTED_BYTES_MAX;
  }

  /** No matter once every job is answered. */
  #onForsaken(reasons: readonly string[]): void {
    if (this.#sourceEnded && this.#answered === this.#added) return;
    this.#stop(new NoWorkerError(reasons));
  }

  #stop(error: unknown): void {
    this.#error ??= error;
    this.#isStopping = true;
    this.#stopped.resolve();
  }

  #checkEnd(): void {
    if (!this.#sourceEnded && !this.#isStopping) return;
    if (this.#done + this.#failed === this.#added) this.#stopped.resolve();
  }
}

/** What the journal has of a task itself. */
interface RecordedTask {
  readonly index: number;
  readonly name: string;
  readonly identity?: string;
}
