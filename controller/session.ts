/** Runs a compute core from a program: inputs in, results out, no files. */

import { resolve } from "node:path";
import { parseAddress } from "../link/address.ts";
import type { FailureKindName } from "../protocol/mod.ts";
import { detectRuntime } from "../runtime/detect.ts";
import { guardedRuntime } from "../security/guarded_runtime.ts";
import { withReason } from "../system/last_words.ts";
import { type Log, silentLog } from "../system/log.ts";
import { sha256InTurns } from "../system/sha256.ts";
import { slotsFor } from "../system/usable_cpus.ts";
import type { Answer } from "./answer.ts";
import { Cluster } from "./cluster/cluster.ts";
import type { Task } from "./cluster/task.ts";
import { DEFAULT_POLICY, INIT_MS_DEFAULT, type JobPolicy } from "./cluster/retries.ts";
import { logPrinted } from "./printed_log.ts";
import { ResultQueue } from "./result_queue.ts";
import { NoWorkerError } from "./run_errors.ts";
import { coreImage, readCoreImage } from "./workers/core_image.ts";
import { LocalWorker } from "./workers/local_worker.ts";
import { compressionModeOf } from "../link/compression_mode.ts";

/** Options of a session. */
export interface SessionOptions {
  /** The compute core: the path of a shared library, or its content. */
  readonly core: string | Uint8Array;
  /** Variables of the core's environment, on all workers. Default: none. */
  readonly env?: Readonly<Record<string, string>>;
  /** Files and folders that are put beside the core on all workers, if `core` is a path. Default: none. */
  readonly with?: readonly string[];
  /** Addresses of workers, as `HOST:PORT`. Without any, the session starts a worker on this machine. */
  readonly workers?: readonly string[];
  /**
   * The file of the key that these workers have. Default: `DISTCOMP_KEY`, or `~/.config/distcomp/key`, which is made
   * when it is needed first. Workers of this user on this machine are used without a key, unless it is given.
   */
  readonly key?: string;
  /** Uses any worker at these addresses, without a key and unencrypted. Default: false. */
  readonly insecure?: boolean;
  /**
   * Whether inputs, outputs and the core are compressed on their way to and from workers on other machines. Default:
   * where the network is slower than the compressor.
   */
  readonly compress?: boolean;
  /** Slots of the local worker, if there is one. Default: one per CPU, or per `threads` CPUs. */
  readonly slots?: number;
  /** How many threads the libraries in a core use in the local worker. Default: CPUs divided by slots. */
  readonly threads?: number;
  /** An existing folder in which slots of the local worker have their working folders. Default: `TMPDIR`. */
  readonly workdir?: string;
  /** Limits and retries of each job. Default: no limits of time and memory; only crashes are retried, twice. */
  readonly policy?: Partial<JobPolicy>;
  /** How long the core may take to load, in milliseconds. Default: 10 minutes. */
  readonly initMs?: number;
  /**
   * Gets warnings, for example about lost workers, and the lines that cores print, as `job 7: line`: jobs are
   * counted from 0 in the order in which the session takes their inputs. Default: they are dropped.
   */
  readonly log?: Log;
}

/** A job has failed. */
export class JobError extends Error {
  /** The name of this class of errors. */
  override name = "JobError";

  /** The error for a job that has failed for the reason `message`. */
  constructor(
    message: string,
    /** The kind of failure: `exit` if the core returned an exit code other than 0. */
    readonly kind: FailureKindName | "exit",
    /** The exit code, if the core returned one. */
    readonly exitCode?: number,
    /**
     * The output that the core returned with its exit code; otherwise empty. If outputs of more than 64 MiB have
     * waited for other workers to try their jobs, too, only its first 4 KiB.
     */
    readonly output: Uint8Array = new Uint8Array(0),
    /** What the job printed last: about 20 lines. */
    readonly lastLines: readonly string[] = [],
  ) {
    super(message);
  }
}

/** The result of one input of a `map`. */
export type MapResult =
  | { readonly index: number; readonly ok: true; readonly output: Uint8Array }
  | { readonly index: number; readonly ok: false; readonly error: JobError };

/** Options of a `map`. */
export interface MapOptions {
  /** Whether results come in the order of the inputs instead of the order in which jobs finish. Default: true. */
  readonly ordered?: boolean;
}

/** Receives the results of one or more jobs. */
interface Receiver {
  onAnswer(place: number, answer: Answer, reason?: string): void;
  /** The job will not be answered. */
  onAbandoned(error: Error): void;
}

interface SessionTask extends Task {
  readonly receiver: Receiver;
  /** The index of the input among the receiver's inputs. */
  readonly place: number;
}

/**
 * A compute core that runs on a set of workers.
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
  #nextIndex = 0;
  /** The number of `map` calls that still take inputs. */
  #feeding = 0;
  /** Why no job can run any more. */
  #failure: Error | undefined;

  private constructor(log: Log, cluster: (events: SessionEvents) => Cluster<SessionTask>) {
    this.#cluster = cluster({
      onCompleted: ({ job, answer, reason }) => {
        this.#pending.delete(job.payload);
        const { receiver, place } = job.payload;
        receiver.onAnswer(place, answer, reason);
      },
      onNoWorkerLeft: (reasons) => this.#abandonAll(new NoWorkerError(reasons)),
      onPrinted: (printed) => logPrinted(log, printed),
    });
    this.#cluster.end();
  }

  /**
   * Connects to the workers, or starts one on this machine. Rejects with a `CoreFileError` or an `AddressError`.
   * If no worker can be used, jobs reject with a `NoWorkerError`.
   */
  static async open(options: SessionOptions): Promise<Session> {
    const { key, insecure, log = silentLog } = options;
    const runtime = guardedRuntime(await detectRuntime(), {
      role: "controller",
      key,
      insecure,
      log,
    });
    const workers = (options.workers ?? []).map((worker) => parseAddress(worker));
    const isLocal = workers.length === 0;
    const { env: variables, with: beside } = options;
    if (beside && typeof options.core !== "string") {
      throw new TypeError("Files can be put beside a core (with) only if the core is a file too");
    }
    const core = typeof options.core === "string"
      ? await readCoreImage(options.core, isLocal, { beside, variables })
      : coreImage("core", options.core, variables, await sha256InTurns(options.core));
    const policy = { ...DEFAULT_POLICY, ...options.policy };
    const { initMs = INIT_MS_DEFAULT } = options;
    const coreOutput = options.log ? "all" : "failures";
    const compression = compressionModeOf(options.compress);
    const session = new Session(log, (events) => {
      return new Cluster(runtime, core, events, log, { policy, initMs, coreOutput, compression });
    });
    for (const worker of workers) session.#cluster.dial(worker);
    if (isLocal) {
      const { threads, workdir, slots = slotsFor(threads) } = options;
      const shares = { slots, threads, workdir: workdir && resolve(workdir) };
      session.#local = await LocalWorker.start(runtime, session.#cluster, { shares, log });
    }
    return session;
  }

  /** How many jobs were given to workers, or wait for one, and have not ended. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Runs one job. Rejects with a `JobError` if it fails. Do not change the input before the job has ended. */
  async run(input: Uint8Array): Promise<Uint8Array> {
    await this.#cluster.room();
    const { promise, resolve, reject } = Promise.withResolvers<MapResult>();
    const onAnswer: Receiver["onAnswer"] = (...answer) => resolve(toResult(...answer));
    this.#submit(input, 0, { onAnswer, onAbandoned: reject });
    const result = await promise;
    if (!result.ok) throw result.error;
    return result.output;
  }

  /**
   * Runs a job for each input and yields the results. Inputs are read as workers need them, and no faster than
   * the caller takes results. A failed job is a result too: the iteration throws only if no worker can be used,
   * if `inputs` throws, or if the session is closed.
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

  /**
   * Disconnects from the workers, and stops the worker that the session has started. Unfinished jobs reject.
   */
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
    const receiver: Receiver = {
      onAnswer: (place, answer, reason) =>
        results.add(place, toResult(place, answer, reason), bytesOf(answer)),
      onAbandoned: (error) => results.fail(error),
    };
    this.#setFeeding(+1);
    try {
      let count = 0;
      for await (const input of inputs) {
        while (!(this.#cluster.hasRoom && results.hasRoom)) {
          await this.#cluster.room();
          await results.room();
        }
        if (results.isCanceled) return;
        this.#submit(input, count++, receiver);
      }
      results.end(count);
    } finally {
      this.#setFeeding(-1);
    }
  }

  /** While a `map` takes inputs, more jobs will come, so the queued jobs need not be spread over all slots. */
  #setFeeding(change: number): void {
    this.#feeding += change;
    this.#cluster.end(this.#feeding === 0);
  }

  #submit(input: Uint8Array, place: number, receiver: Receiver): void {
    if (this.#failure) return receiver.onAbandoned(this.#failure);
    const bytes = input.buffer instanceof ArrayBuffer
      ? input as Uint8Array<ArrayBuffer>
      : input.slice();
    const task = { index: this.#nextIndex++, input: bytes, place, receiver };
    this.#pending.add(task);
    this.#cluster.add(task);
  }

  #abandonAll(error: Error): void {
    this.#failure ??= error;
    for (const { receiver } of this.#pending) receiver.onAbandoned(error);
    this.#pending.clear();
  }
}

type SessionEvents = ConstructorParameters<typeof Cluster<SessionTask>>[2];

function bytesOf(answer: Answer): number {
  return answer.kind === "result" ? answer.result.output.byteLength : 0;
}

function toResult(index: number, answer: Answer, reason?: string): MapResult {
  const { lastLines } = answer;
  if (answer.kind === "error") {
    const { cause, message } = answer;
    const error = new JobError(reason ?? message, cause, undefined, undefined, lastLines);
    return { index, ok: false, error };
  }
  const { exitCode, output } = answer.result;
  if (exitCode === 0) return { index, ok: true, output };
  const why = reason ?? withReason(`exit code ${exitCode}`, lastLines);
  return { index, ok: false, error: new JobError(why, "exit", exitCode, output, lastLines) };
}
