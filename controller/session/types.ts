/** What a program sees of a session: its options, jobs, results and events. The classes are in files of their own. */

import type { Log } from "../../system/log.ts";
import type { JobError } from "./errors.ts";

/** The input of a job. A session takes a copy when it takes the input, so it may change after that. */
export type JobInput = Uint8Array | ArrayBuffer | ArrayBufferView | Blob;

/** Inputs of a map. They are taken one after the other, as jobs are needed. */
export type JobInputs<I> =
  | Iterable<I | PromiseLike<I>>
  | AsyncIterable<I | PromiseLike<I>>
  | ReadableStream<I>;

/** The output of a job. Its `buffer` is its own: `byteOffset` is 0, and it may be transferred. */
export type JobOutput = Uint8Array<ArrayBuffer>;

/** The limits of jobs, named as on the command line. */
export interface JobLimitOptions {
  /** How long a job may run. It is then ended, and has failed. Default: 0, which means without a limit. */
  readonly timeoutMs?: number | undefined;
  /** How much memory the process of a slot may use: 64 MiB or more. Default: 0, which means without a limit. */
  readonly memoryBytes?: number | undefined;
}

/**
 * The path or `file:` URL of a shared library, or its content. A session copies bytes when it is given them, so they may
 * change after that.
 */
export type CoreSource = string | URL | Uint8Array;

/** Options of a session's core. */
export interface CoreOptions extends JobLimitOptions {
  /**
   * The compute core: the path or `file:` URL of a shared library, or its content. Several are the same core, built for
   * as many platforms: each worker gets the one that fits, and is not used if none does.
   */
  readonly core: CoreSource | readonly CoreSource[];
  /** Variables of the core's environment, on all workers. Default: none. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Files and folders that are put beside the core on all workers, if `core` is a file. Default: none. */
  readonly with?: readonly string[] | undefined;
  /** How long the core may take to load, in milliseconds. Default: 10 minutes. */
  readonly initMs?: number | undefined;
  /** Further attempts after an exit code that is not 0, or after a timeout. Default: 0. */
  readonly retries?: number | undefined;
  /** After how many crashes a job has failed. Default: 3. */
  readonly crashLimit?: number | undefined;
}

/** Options of a session. `undefined` means the default. */
export interface SessionOptions extends CoreOptions {
  /** Addresses of workers, as `HOST:PORT`. Default: none; the session starts a worker on this machine. */
  readonly workers?: readonly string[] | undefined;
  /** The file of the key of these workers. Default: `DISTCOMP_KEY`, or `~/.config/distcomp/key`. */
  readonly key?: string | undefined;
  /** Uses any worker at these addresses, without a key and unencrypted. Default: false. */
  readonly insecure?: boolean | undefined;
  /** Whether data is compressed for workers on other machines. Default: where the network is slow. */
  readonly compress?: boolean | undefined;
  /** What happens to jobs while no worker can be used: they fail, or wait. Default: `fail`. */
  readonly whenNoWorker?: "fail" | "wait" | undefined;
  /** How long a worker that cannot be reached is awaited before it counts as missing. Default: 10 seconds. */
  readonly connectMs?: number | undefined;
  /** Slots of the session's own worker. Default: one per CPU, or per `threads` CPUs. */
  readonly slots?: number | undefined;
  /** How many threads the libraries in a core use in the own worker. Default: CPUs divided by slots. */
  readonly threads?: number | undefined;
  /** A folder in which the slots of the own worker have their working folders. Default: `TMPDIR`. */
  readonly workdir?: string | undefined;
  /** How the session's own worker is started. Default: as this program, in a role of its own. */
  readonly worker?: {
    /** The executable `distcomp` of the same version, and its first arguments. */
    readonly command: readonly string[];
  } | undefined;
  /** Gets warnings, and the lines that cores print, as `job 7: line`. Default: they are dropped. */
  readonly log?: Log | undefined;
}

/** Options of one job, or of all jobs of a map. Limits are instead of the session's. */
export interface JobOptions extends JobLimitOptions {
  /** Cancels: what has not begun is taken back, what runs is ended. The caller gets the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Jobs with a higher number go first; those with the same share the slots fairly, each `map` and all calls of `run`
   * together having one share. From -100 to 100. Default: 0.
   */
  readonly priority?: number | undefined;
}

/** Options of a map. */
export interface MapOptions extends JobOptions {
  /** Whether results come in the order of the inputs instead of the order in which jobs finish. Default: true. */
  readonly ordered?: boolean | undefined;
  /** The most inputs that are taken and whose results the caller has not. Default: what keeps all slots busy. */
  readonly ahead?: number | undefined;
}

/** Options of `close`. */
export interface CloseOptions {
  /** Whether the jobs that the session has taken are finished first. Default: false. */
  readonly drain?: boolean | undefined;
}

/** The result of one input of a map. */
export type MapResult<I = JobInput, O = JobOutput> =
  | { readonly index: number; readonly input: I; readonly ok: true; readonly output: O }
  | { readonly index: number; readonly input: I; readonly ok: false; readonly error: JobError };

/** How values become inputs, and outputs become values. An error of either goes to the caller. */
export interface Codec<I, O> {
  /** The input of a job. */
  encode(input: I): JobInput | PromiseLike<JobInput>;
  /** The value of an output. */
  decode(output: JobOutput): O | PromiseLike<O>;
}

/** A session whose inputs and outputs are values of these types. */
export interface TypedSession<I, O> {
  /** As `run` of a session. */
  run(input: I | PromiseLike<I>, options?: JobOptions): Promise<O>;
  /** As `map` of a session. */
  map(inputs: JobInputs<I>, options?: MapOptions): AsyncGenerator<MapResult<I, O>, void, void>;
}

/** A worker that is connected. */
export interface WorkerInfo {
  /** Its address, or `this machine`. */
  readonly name: string;
  /** Missing if the worker does not say. */
  readonly slots: number | undefined;
  /** Whether it has loaded the core. */
  readonly isReady: boolean;
}

/** What a session is doing. */
export interface SessionStats {
  /** The workers that are connected. */
  readonly workers: readonly WorkerInfo[];
  /** The slots of all workers that have loaded the core. */
  readonly slots: number;
  /** Jobs that were taken and have not ended. */
  readonly pending: number;
  /** Jobs that wait for a worker. */
  readonly queued: number;
  /** Jobs that were sent to workers. */
  readonly inFlight: number;
  /** Jobs that have succeeded since the session was opened. */
  readonly succeeded: number;
  /** Jobs that have failed. */
  readonly failed: number;
  /** Jobs that were canceled, or abandoned because there was no worker. */
  readonly canceled: number;
}

/** A job that has ended, as its worker has measured it. `undefined`: the worker does not say, or nobody knows. */
export interface EndedJob {
  /** Counts all jobs of the session from 0. */
  readonly job: number;
  /** Whether it has succeeded. */
  readonly ok: boolean;
  /** The host name of its worker, or the name that the worker was given. */
  readonly node: string | undefined;
  /** The number of its slot in its worker, from 0. */
  readonly slot: number | undefined;
  /** When the session took it, in milliseconds since 1970. */
  readonly queuedAt: number;
  /** When the core began. */
  readonly startedAt: number | undefined;
  /** How long the core took, in milliseconds. */
  readonly runMs: number | undefined;
  /** The CPU time of the slot's process meanwhile, in milliseconds. */
  readonly cpuMs: number | undefined;
  /** The most memory that this process had. */
  readonly memoryBytes: number | undefined;
}

/** What happens in a session, by the name of the event. */
export interface SessionEvents {
  /** A worker is connected. */
  workerJoined: { readonly worker: string; readonly slots: number | undefined };
  /** A worker is no longer connected. `lost`: its jobs run again on others. */
  workerLeft: {
    readonly worker: string;
    readonly how: "drained" | "lost" | "unusable";
    readonly reason: string;
  };
  /** No worker can be used any more. */
  noWorker: { readonly reasons: readonly string[] };
  /** A job has failed. `job` counts all jobs of the session from 0. */
  jobFailed: { readonly job: number; readonly error: JobError };
  /** A job has succeeded or failed. */
  jobEnded: EndedJob;
}
