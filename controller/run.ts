/** A run: every input of a source ends as an output in the sink, or as a failure with a reason. */

import { formatAddress } from "../link/address.ts";
import type { Log } from "../runtime/log.ts";
import type { Address, Runtime } from "../runtime/ports.ts";
import type { CoreImage } from "./core_image.ts";
import { Cluster, type ClusterOptions, type ClusterStatus } from "./cluster.ts";
import type { Completion } from "./task.ts";
import { type DirectorySink, OutputNameError } from "./directory_sink.ts";
import type { JobLog, JobRecord } from "./job_log.ts";
import { LocalWorker } from "./local_worker.ts";
import type { NamedTask, Source, UnreadableTask } from "./source.ts";

/** Results that are being written. Beyond either, workers wait with their answers. */
const UNCOMMITTED_JOBS_MAX = 64;
const UNCOMMITTED_BYTES_MAX = 64 * 1024 * 1024;

/** Failures that the summary names. All are in the job record. */
const FAILURES_NAMED_MAX = 20;

/** Characters of a failed job's output that are shown as its reason. */
const REASON_CHARS_MAX = 200;

const NOTHING = new Uint8Array(0);

/** What a run is made of. */
export interface RunParts {
  readonly runtime: Runtime;
  readonly core: CoreImage;
  readonly source: Source;
  readonly sink: DirectorySink;
  readonly jobLog: JobLog;
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
  /** Jobs in all, once that is known. */
  readonly total: number | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly elapsedMs: number;
  /** Part of the slots' time in which they had a job, 0 to 1. */
  readonly busyPart: number;
  readonly failures: readonly Failure[];
}

/** No worker is left that could run the jobs. */
export class NoWorkerError extends Error {
  /** The name of this class of errors. */
  override name = "NoWorkerError";

  /** `reasons` has one for each worker that was tried. */
  constructor(readonly reasons: readonly string[]) {
    super(`No worker can be used: ${reasons.join("; ")}`);
  }
}

/** Somebody has asked the run to stop. */
export class InterruptedError extends Error {
  override name = "InterruptedError";

  constructor() {
    super("Interrupted");
  }
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
        onForsaken: (reasons) => this.#onForsaken(reasons),
        onHopeless: (error) => this.#stop(error),
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
    } catch (error) {
      this.#error ??= error;
    }
    this.#endedAtMs = performance.now();
    await this.#close();
    if (this.#error) throw this.#error;
  }

  /** Sends nothing more and ends when what runs is answered. */
  interrupt(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#error = new InterruptedError();
    this.#added -= this.#cluster.cancelQueue();
    this.#cluster.end();
    this.#checkEnd();
  }

  /** Ends now. What runs is not answered any more. */
  abandon(): void {
    this.#stop(new InterruptedError());
    this.#abandoned.resolve();
    this.#local?.abandon();
  }

  get status(): RunStatus {
    return {
      ...this.#cluster.status,
      done: this.#done,
      failed: this.#failed,
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
    for (const part of [this.#local, this.#parts.jobLog, this.#parts.sink]) {
      await part?.close().catch((error) => this.#error ??= error);
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
        for (const task of batch) this.#add(task);
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

  #add(task: NamedTask | UnreadableTask): void {
    this.#added += 1;
    if ("failure" in task) this.#fail(task, task.failure, UNSENT);
    else this.#cluster.add(task);
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
      this.#record(task, { state: "done", exitCode: 0, ...facts });
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

  #fail(task: NamedTask | UnreadableTask, reason: string, facts: JobFacts): void {
    this.#settle(NOTHING, async () => {
      if (!("keepsOutput" in task)) await this.#parts.sink.remove(task.name);
      this.#countFailure(task, reason, facts);
    });
  }

  #countFailure(task: { index: number; name: string }, reason: string, facts: JobFacts): void {
    this.#failed += 1;
    if (this.#failures.length < FAILURES_NAMED_MAX) {
      this.#failures.push({ name: task.name, reason });
    }
    this.#record(task, { state: "failed", error: reason, ...facts });
  }

  #record(
    task: { index: number; name: string },
    record: Omit<JobRecord, "index" | "input">,
  ): void {
    this.#parts.jobLog.add({ index: task.index, input: task.name, ...record });
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

/** What the job record says beside the outcome. */
type JobFacts = Omit<JobRecord, "index" | "input" | "state" | "error">;

const UNSENT: JobFacts = { attempt: 0, bytesIn: 0, bytesOut: 0, queueMs: 0, runMs: 0 };

function factsOf({ job, answer, worker, answeredAtMs }: Completion<NamedTask>): JobFacts {
  return {
    worker,
    attempt: job.attempt,
    bytesIn: job.bytes,
    bytesOut: answer.kind === "result" ? answer.result.output.byteLength : 0,
    queueMs: toMicroseconds(job.sentAtMs - job.queuedAtMs),
    runMs: toMicroseconds(answeredAtMs - job.sentAtMs),
  };
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** The exit code and, where the core has put a text into the output, its first line. */
function failureText(exitCode: number, output: Uint8Array): string {
  const start = new TextDecoder().decode(output.subarray(0, 4 * REASON_CHARS_MAX));
  const line = start.split("\n", 1)[0]?.trim() ?? "";
  // deno-lint-ignore no-control-regex -- anything that is no plain text is not shown
  const isText = line !== "" && !/[\u0000-\u001f\u007f-\u009f\ufffd]/.test(line);
  return isText
    ? `exit code ${exitCode}: ${line.slice(0, REASON_CHARS_MAX)}`
    : `exit code ${exitCode}`;
}
