/** A run: every input of a source ends as an output in the sink, or as a failure with a reason. */

import type { Log } from "../runtime/log.ts";
import type { Address, Runtime } from "../runtime/ports.ts";
import type { CoreImage } from "./core_image.ts";
import { Cluster, type ClusterStatus, type Completion } from "./cluster.ts";
import { type DirectorySink, OutputNameError } from "./directory_sink.ts";
import type { JobLog, JobRecord } from "./job_log.ts";
import { LocalWorker } from "./local_worker.ts";
import type { NamedTask, Source, UnreadableTask } from "./source.ts";

/** Results that are being written. Beyond either, workers wait with their answers. */
const UNCOMMITTED_JOBS_MAX = 256;
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
  /** Workers to dial. */
  readonly workers: readonly Address[];
  /** Where to take workers that dial. */
  readonly listen?: Address | undefined;
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
  override name = "NoWorkerError";

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

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#cluster = new Cluster<NamedTask>(parts.runtime, parts.core, {
      onCompleted: (completion) => this.#onCompleted(completion),
      onForsaken: (reasons) => this.#stop(new NoWorkerError(reasons)),
    }, parts.log);
  }

  /** Takes workers that dial us, from now on. Returns where. */
  listen(address: Address): Address {
    return this.#cluster.listen(address);
  }

  /** Runs to the end, and rejects with what ended it before. */
  async complete(): Promise<void> {
    for (const address of this.#parts.workers) this.#cluster.dial(address);
    const { localSlots, runtime, log } = this.#parts;
    const local = localSlots === undefined
      ? undefined
      : await LocalWorker.start(runtime, this.#cluster, { slots: localSlots, log });
    try {
      void this.#feed();
      await this.#stopped.promise;
    } finally {
      this.#endedAtMs = performance.now();
      this.#cluster.close();
      await local?.close();
      await this.#parts.jobLog.close();
      await this.#parts.sink.close();
    }
    if (this.#error) throw this.#error;
  }

  /** Sends nothing more and ends when what runs is answered. */
  interrupt(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#error = new InterruptedError();
    this.#added -= this.#cluster.cancelQueue().length;
    this.#cluster.end();
    this.#checkEnd();
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

  /** Has the total counted while the run goes on, for those who want to know how long it will take. */
  async countTotal(): Promise<void> {
    const total = await this.#parts.source.count().catch(() => undefined);
    this.#total ??= total;
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

  async #commit(task: NamedTask, output: Uint8Array, facts: JobFacts): Promise<void> {
    try {
      await this.#parts.sink.commit(task.name, output);
    } catch (error) {
      if (!(error instanceof OutputNameError)) throw error;
      this.#countFailure(task, error.message, facts);
      return;
    }
    this.#done += 1;
    this.#record(task, { state: "done", exitCode: 0, ...facts });
  }

  #fail(task: { index: number; name: string }, reason: string, facts: JobFacts): void {
    this.#settle(NOTHING, async () => {
      await this.#parts.sink.remove(task.name);
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
  #settle(output: Uint8Array, act: () => Promise<void>): void {
    this.#uncommittedJobs += 1;
    this.#uncommittedBytes += output.byteLength;
    if (this.#isOverfull(1)) this.#setPaused(true);
    act().catch((error) => this.#stop(error)).finally(() => {
      this.#uncommittedJobs -= 1;
      this.#uncommittedBytes -= output.byteLength;
      if (!this.#isOverfull(0.5)) this.#setPaused(false);
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
