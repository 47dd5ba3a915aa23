/** Runs a compute core from a program: inputs in, results out, no files. */

import { Cluster } from "../cluster/cluster.ts";
import type { ClusterEvents } from "../cluster/cluster_types.ts";
import { logPrinted } from "../printed_log.ts";
import { NoWorkerError } from "../run_errors.ts";
import type { CoreImage } from "../workers/core_image.ts";
import { BYTES } from "./bytes_codec.ts";
import { sessionCore, withOwnBytes } from "./session_core.ts";
import { SessionClosedError } from "./errors.ts";
import { endedJob } from "./ended_job.ts";
import { EventListeners } from "./event_listeners.ts";
import { JobMap } from "./job_map.ts";
import { bytesToRun, checkedBefore, encoded, runJob } from "./job_run.ts";
import { LateInputs } from "./late_inputs.ts";
import {
  checkAnotherCore,
  checkedClose,
  type CheckedCore,
  checkedCore,
  checkedJob,
  checkedMap,
  checkSession,
} from "./options.ts";
import { RunClients } from "./run_clients.ts";
import { SessionJobs, type SessionTask } from "./session_jobs.ts";
import { type SharedParts, sharedParts } from "./shared_parts.ts";
import type {
  CloseOptions,
  Codec,
  CoreOptions,
  JobInput,
  JobInputs,
  JobOptions,
  JobOutput,
  MapOptions,
  MapResult,
  SessionEvents,
  SessionOptions,
  SessionStats,
  TypedSession,
} from "./types.ts";
import { WorkerWatch } from "./worker_watch.ts";

/**
 * A compute core that runs on a set of workers.
 *
 * ```ts ignore
 * import { Session } from "@distcomp/distcomp";
 *
 * await using session = await Session.open({ core: "./core.so", workers: ["node7", "node8"] });
 * for await (const result of session.map(inputs)) {
 *   if (result.ok) console.log(result.index, result.output);
 * }
 * ```
 */
export class Session implements AsyncDisposable {
  readonly #shared: SharedParts;
  readonly #core: CheckedCore;
  readonly #cluster: Cluster<SessionTask>;
  readonly #jobs: SessionJobs;
  readonly #watch = new WorkerWatch();
  readonly #listeners = new EventListeners();
  readonly #runClients: RunClients;
  readonly #maps = new Set<JobMap<never, unknown>>();
  readonly #late = new LateInputs();
  readonly #otherCores = new Set<Session>();
  #onClosed: () => void = () => {};
  #lacksWorkers = false; // no worker can be used at present
  #isClosing = false;
  #isDrained = false; // all jobs that were taken have ended
  #closed: Promise<void> | undefined;

  private constructor(shared: SharedParts, image: CoreImage, core: CheckedCore) {
    this.#shared = shared;
    this.#core = core;
    const { runtime, log, waitPolicy } = shared;
    const options = { ...shared.cluster, ...core, waitPolicy };
    this.#cluster = new Cluster(runtime, image, this.#clusterEvents(), log, options);
    this.#jobs = new SessionJobs(this.#cluster, shared.keepAlive, (job, error) => {
      this.#listeners.emit("jobFailed", { job, error });
    });
    this.#runClients = new RunClients(this.#jobs);
    this.#cluster.end();
  }

  /**
   * Connects to the workers, or starts one on this machine. Rejects with a `CoreFileError`, an `AddressError`, or a
   * `RangeError` or `TypeError` for a wrong option. While no worker can be used, jobs reject with a `NoWorkerError`.
   */
  static async open(options: SessionOptions): Promise<Session> {
    const { connectMs } = checkSession(options);
    const core = checkedCore(options);
    const own = withOwnBytes(options); // before anything is awaited
    return await Session.#load(await sharedParts(own, connectMs), own, core);
  }

  /** Opens another core on the same workers, with which it shares their slots. It ends with this session. */
  async openCore(options: CoreOptions): Promise<Session> {
    checkAnotherCore(options);
    const core = checkedCore(options);
    if (this.#isClosing) throw new SessionClosedError();
    const other = await Session.#load(this.#shared, withOwnBytes(options), core);
    this.#otherCores.add(other);
    other.#onClosed = () => this.#otherCores.delete(other);
    if (!this.#isClosing) return other;
    await other.close();
    throw new SessionClosedError();
  }

  static async #load(
    shared: SharedParts,
    options: CoreOptions,
    core: CheckedCore,
  ): Promise<Session> {
    const image = await shared.keepAlive.during(sessionCore(options, shared.workers.hasLocal));
    const session = new Session(shared, image, core);
    await shared.keepAlive.during(shared.workers.attach(session.#cluster));
    return session;
  }

  /** How many jobs were taken and have not ended. */
  get pending(): number {
    return this.#jobs.pending;
  }

  /**
   * Runs one job. Rejects with a `JobError` if it fails, and with the signal's reason if it is canceled. The input is
   * copied before this returns.
   */
  async run(
    input: JobInput | PromiseLike<JobInput>,
    options: JobOptions = {},
  ): Promise<JobOutput> {
    const job = checkedBefore(input, () => {
      if (this.#isClosing) throw new SessionClosedError();
      return checkedJob(options, this.#core.policy);
    });
    const bytes = bytesToRun(input);
    const client = this.#runClients.of(job.priority);
    if (bytes instanceof Uint8Array) return await runJob(this.#jobs, client, bytes, job);
    return await this.#late.run(bytes, job.signal, (late) => runJob(this.#jobs, client, late, job));
  }

  /**
   * Runs a job for each input and yields the results. Inputs are taken and copied as workers need them, and no faster
   * than the caller takes results. A failed job is a result too: the iteration throws only if no worker can be used, if
   * `inputs` throws, if the signal aborts, or if the session is closed. Leaving the loop cancels the rest at once.
   */
  map<I extends JobInput>(
    inputs: JobInputs<I>,
    options: MapOptions = {},
  ): AsyncGenerator<MapResult<I>, void, void> {
    return this.#map(inputs, BYTES as Codec<I, JobOutput>, options);
  }

  /** The same session for values of other types. */
  typed<I, O>(codec: Codec<I, O>): TypedSession<I, O> {
    return {
      run: async (input, options) =>
        await codec.decode(await this.run(encoded(input, codec), options)),
      map: (inputs, options = {}) => this.#map(inputs, codec, options),
    };
  }

  /** Has the workers load the core now. Resolves when one of them has. */
  async ready(): Promise<void> {
    if (this.#isClosing) throw new SessionClosedError();
    if (this.#lacksWorkers && !this.#shared.waits) throw this.#jobs.refusal;
    this.#cluster.loadCore();
    await this.#shared.keepAlive.during(this.#watch.ready());
  }

  /** Uses another worker, too. Throws an `AddressError`. */
  addWorker(address: string): void {
    if (this.#isClosing) throw new SessionClosedError();
    this.#shared.workers.add(address);
    this.#onWorkersBack();
  }

  /** Uses a worker no more: it finishes its jobs and is disconnected. Throws an `AddressError`. */
  removeWorker(address: string): void {
    this.#shared.workers.remove(address);
  }

  /** What the session is doing. */
  stats(): SessionStats {
    const { queued, inFlight } = this.#cluster.status;
    const { workers, slots } = this.#watch;
    return { workers, slots, pending: this.pending, queued, inFlight, ...this.#jobs.ended };
  }

  /** Listens to an event. Returns a function that stops it. Throws a `TypeError` if there is no such event. */
  on<N extends keyof SessionEvents>(
    event: N,
    listener: (event: SessionEvents[N]) => void,
  ): () => void {
    return this.#listeners.add(event, listener);
  }

  /**
   * Disconnects from the workers, and stops the worker that the session has started. Unfinished jobs reject with a
   * `SessionClosedError`, and those that run are ended. `drain`: takes no more jobs, and first finishes those that
   * it has.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    if (checkedClose(options) && !this.#closed) await this.#shared.keepAlive.during(this.#drain());
    await (this.#closed ??= this.#shared.keepAlive.during(this.#close()));
  }

  /** Finishes the jobs that the session has taken and closes it, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close({ drain: true });
  }

  async #drain(): Promise<void> {
    this.#isClosing = true;
    for (const map of this.#maps) map.stopTaking(new SessionClosedError());
    await Promise.all([...this.#otherCores].map((other) => other.#drain()));
    await this.#late.settled();
    await this.#jobs.idle();
    this.#isDrained = true;
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    const error = new SessionClosedError();
    for (const map of [...this.#maps]) {
      if (this.#isDrained) map.settle(error);
      else map.abort(error);
    }
    this.#jobs.refuse(error);
    this.#late.refuse(error);
    this.#watch.fail(error);
    await Promise.all([...this.#otherCores].map((other) => other.close()));
    await this.#shared.workers.detach(this.#cluster);
    this.#watch.clear();
    this.#onClosed();
  }

  #map<I, O>(inputs: JobInputs<I>, codec: Codec<I, O>, options: MapOptions): JobMap<I, O> {
    return new JobMap<I, O>({
      ...checkedMap(options, this.#core.policy),
      jobs: this.#jobs,
      inputs,
      codec,
      onBegun: (map) => {
        if (this.#isClosing) map.abort(new SessionClosedError());
        else this.#maps.add(map as JobMap<never, unknown>);
      },
      onOver: (map) => void this.#maps.delete(map as JobMap<never, unknown>),
    });
  }

  #clusterEvents(): ClusterEvents<SessionTask> {
    return {
      onCompleted: (completion) => {
        const isTold = this.#jobs.onCompleted(completion) && this.#listeners.has("jobEnded");
        if (isTold) this.#listeners.emit("jobEnded", endedJob(completion));
      },
      onNoWorkerLeft: (reasons) => this.#onNoWorkerLeft(reasons),
      onPrinted: (printed) => logPrinted(this.#shared.log, printed),
      onWorkerReady: (worker) => {
        this.#watch.onJoined(worker);
        this.#listeners.emit("workerJoined", { worker: worker.name, slots: worker.slots });
      },
      onWorkerLoaded: (worker) => {
        this.#watch.onLoaded(worker);
        this.#onWorkersBack();
      },
      onWorkerGone: (worker, { kind, reason }) => {
        this.#watch.onLeft(worker);
        const how = kind === "failed" ? "lost" : kind;
        this.#listeners.emit("workerLeft", { worker: worker.name, how, reason });
      },
    };
  }

  #onNoWorkerLeft(reasons: readonly string[]): void {
    if (!this.#lacksWorkers) this.#listeners.emit("noWorker", { reasons });
    this.#lacksWorkers = true;
    if (this.#shared.waits) return;
    const error = new NoWorkerError(reasons);
    this.#jobs.refuse(error);
    this.#watch.fail(error);
    this.#cluster.loadCore(); // the first one that can is what the session waits for
  }

  #onWorkersBack(): void {
    if (!this.#lacksWorkers || this.#isClosing) return;
    this.#lacksWorkers = false;
    this.#jobs.accept();
  }
}
