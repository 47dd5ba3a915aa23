/** Compute cores from a program: inputs in, results out, no files. */

import { parseAddress } from "../link/address.ts";
import type { FailureKindName } from "../protocol/mod.ts";
import { detectRuntime } from "../runtime/detect.ts";
import { type Log, silentLog } from "../system/log.ts";
import os from "node:os";
import { Cluster } from "./cluster/cluster.ts";
import type { Task } from "./cluster/task.ts";
import { coreImage, readCoreImage } from "./workers/core_image.ts";
import { LocalWorker } from "./workers/local_worker.ts";
import { NoWorkerError } from "./run_errors.ts";
import { DEFAULT_POLICY, type JobPolicy } from "./cluster/retries.ts";
import { ResultQueue } from "./result_queue.ts";
import type { Answer } from "./answer.ts";

/** What a session is opened with. */
export interface SessionOptions {
  /** A compute core: the path of a shared library, or its content. */
  readonly core: string | Uint8Array;
  /** Workers to use, as `HOST:PORT`; a worker of the session's own on this machine if there are none. */
  readonly workers?: readonly string[];
  /** Slots of that own worker; one per CPU unless given. */
  readonly slots?: number;
  /** What a job may do: limits of time and memory, retries. Nothing is limited unless given. */
  readonly policy?: Partial<JobPolicy>;
  /** Where warnings go, such as of lost workers; nowhere unless given. */
  readonly log?: Log;
}

/** A job has failed. */
export class JobError extends Error {
  /** The name of this class of errors. */
  override name = "JobError";

  /** An error that says why; the rest is known if the core has run to its end. */
  constructor(
    message: string,
    /** What kind of failure it is: `exit` if the core has returned something else than 0. */
    readonly kind: FailureKindName | "exit",
    /** What the core returned, if it came to that. */
    readonly exitCode?: number,
    /** What it returned with it. */
    readonly output: Uint8Array = new Uint8Array(0),
  ) {
    super(message);
  }
}

/** A job's result in a `map`. */
export type MapResult =
  | { readonly index: number; readonly ok: true; readonly output: Uint8Array }
  | { readonly index: number; readonly ok: false; readonly error: JobError };

/** How a `map` gives its results. */
export interface MapOptions {
  /** In the order of the inputs, which is the default; or as they come. */
  readonly ordered?: boolean;
}

interface SessionTask extends Task {
  readonly settle: (answer: Answer) => void;
  readonly abandon: (error: Error) => void;
}

/**
 * A compute core on a set of workers.
 *
 * ```ts ignore
 * import { Session } from "./mod.ts";
 *
 * await using session = await Session.open({ core: "./core.so", workers: ["node7", "node8"] });
 * for await (const result of session.map(inputs)) {
 *   if (result.ok) console.log(result.index, result.output);
 * }
 * ```
 */
export class Session implements AsyncDisposable {
  readonly #cluster: Cluster<SessionTask>;
  readonly #pending = new Set<SessionTask>();
  #local: LocalWorker | undefined;
  #lastIndex = 0;
  /** `map`s that still take inputs. While there are some, no end is in sight. */
  #feeding = 0;
  #end: Error | undefined;

  private constructor(cluster: (events: SessionEvents) => Cluster<SessionTask>) {
    this.#cluster = cluster({
      onCompleted: ({ job, answer }) => {
        this.#pending.delete(job.payload);
        job.payload.settle(answer);
      },
      onNoWorkerLeft: (reasons) => this.#abandonAll(new NoWorkerError(reasons)),
    });
    this.#cluster.end();
  }

  /**
   * Connects to the workers, or starts one. Rejects with a `CoreFileError` or an `AddressError`; that no
   * worker can be used shows when a job needs one, as a `NoWorkerError`.
   */
  static async open(options: SessionOptions): Promise<Session> {
    const runtime = await detectRuntime();
    const workers = (options.workers ?? []).map((worker) => parseAddress(worker));
    const isLocal = workers.length === 0;
    const core = typeof options.core === "string"
      ? await readCoreImage(options.core, isLocal)
      : coreImage("core", options.core);
    const log = options.log ?? silentLog;
    const policy = { ...DEFAULT_POLICY, ...options.policy };
    const session = new Session((events) => new Cluster(runtime, core, events, log, { policy }));
    for (const worker of workers) session.#cluster.dial(worker);
    const slots = options.slots ?? os.availableParallelism();
    if (isLocal) {
      session.#local = await LocalWorker.start(runtime, session.#cluster, { slots, log });
    }
    return session;
  }

  /** Runs one job. Rejects with a `JobError` if it fails. The input must not change until then. */
  async run(input: Uint8Array): Promise<Uint8Array> {
    await this.#cluster.room();
    const result = await new Promise<MapResult>((resolve, reject) => {
      this.#submit(input, (answer) => resolve(toResult(0, answer)), reject);
    });
    if (!result.ok) throw result.error;
    return result.output;
  }

  /**
   * Runs a job for every input and gives their results. Takes inputs as they are needed, and no further
   * ahead than results are taken. A failed job is a result too; only the loss of all workers, or an error
   * of `inputs` itself, ends the iteration.
   */
  async *map(
    inputs: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    options: MapOptions = {},
  ): AsyncGenerator<MapResult, void> {
    const results = new ResultQueue<MapResult>(options.ordered ?? true);
    const feeding = this.#feed(inputs, results).catch((error) => results.fail(error));
    try {
      yield* results;
    } finally {
      results.cancel();
      await feeding;
    }
  }

  /** Leaves the workers; ends the own one, which unloads the core. Jobs that were not answered reject. */
  async close(): Promise<void> {
    this.#abandonAll(new Error("The session is closed"));
    this.#cluster.close();
    await this.#local?.close();
  }

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #feed(
    inputs: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    results: ResultQueue<MapResult>,
  ): Promise<void> {
    this.#setFeeding(+1);
    try {
      let count = 0;
      for await (const input of inputs) {
        await Promise.all([this.#cluster.room(), results.room()]);
        if (results.isCancelled) return;
        const index = count++;
        this.#submit(
          input,
          (answer) => results.add(index, toResult(index, answer), bytesOf(answer)),
          (error) => results.fail(error),
        );
      }
      results.end(count);
    } finally {
      this.#setFeeding(-1);
    }
  }

  #setFeeding(change: number): void {
    this.#feeding += change;
    this.#cluster.end(this.#feeding === 0);
  }

  #submit(
    input: Uint8Array,
    settle: (answer: Answer) => void,
    abandon: (error: Error) => void,
  ): void {
    if (this.#end) return abandon(this.#end);
    const bytes = input.buffer instanceof ArrayBuffer
      ? input as Uint8Array<ArrayBuffer>
      : input.slice();
    const task = { index: this.#lastIndex++, input: bytes, settle, abandon };
    this.#pending.add(task);
    this.#cluster.add(task);
  }

  #abandonAll(error: Error): void {
    this.#end ??= error;
    for (const task of this.#pending) task.abandon(error);
    this.#pending.clear();
  }
}

type SessionEvents = ConstructorParameters<typeof Cluster<SessionTask>>[2];

function bytesOf(answer: Answer): number {
  return answer.kind === "result" ? answer.result.output.byteLength : 0;
}

function toResult(index: number, answer: Answer): MapResult {
  if (answer.kind === "error") {
    return { index, ok: false, error: new JobError(answer.message, answer.cause) };
  }
  const { exitCode, output } = answer.result;
  if (exitCode === 0) return { index, ok: true, output };
  return {
    index,
    ok: false,
    error: new JobError(`exit code ${exitCode}`, "exit", exitCode, output),
  };
}
