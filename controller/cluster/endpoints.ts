/** Workers as endpoints of the pool: sends them cores and jobs, and passes on their answers. */

import type { DispatchId, EndpointId } from "../../pool/ids.ts";
import type { Job } from "../../pool/job.ts";
import type { Pool } from "../../pool/pool.ts";
import type { CoreOutputMode, PrintedNotice, Uint64 } from "../../protocol/mod.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../system/log.ts";
import { RecentRate } from "../../system/recent_rate.ts";
import { type Answer, discardOutput } from "../answer.ts";
import type { ConnectedWorker } from "../workers/connected_worker.ts";
import { buildFor } from "../workers/core_builds.ts";
import type { CoreImage } from "../workers/core_image.ts";
import type { CompressionMode } from "../../link/compression_mode.ts";
import { unexpectedResponse } from "../workers/responses.ts";
import { coreLost, unusable, UnusableWorkerError } from "../workers/worker_errors.ts";
import type { Workers } from "../workers/workers.ts";
import type { Departure } from "../workers/workers_events.ts";
import { LostWorkers } from "./lost_workers.ts";
import { type ClusterView, type ViewLimits, viewOf } from "./cluster_view.ts";
import type { Jobs } from "./jobs.ts";
import type { Node } from "./node.ts";
import type { Nodes } from "./nodes.ts";
import type { JobPolicy } from "./job_policy.ts";
import { loadingSlotsOf } from "./loading_slots.ts";
import type { LoadingSlots, Printed, Task } from "./cluster_types.ts";
import { whenLowLatency } from "./low_latency.ts";
import { exclusionReason, type Outvoted } from "./verification.ts";
import { Version1Watch } from "./version_1_watch.ts";
import { WorkerMeter } from "./worker_meter.ts";
import { WorkerNotices } from "./worker_notices.ts";

/** Larger numbers are cut to this: no machine has more CPUs, so the worker's number is wrong. */
const SLOTS_MAX = 65_536;

/** A worker that is ready, and its place in the pool. */
interface Endpoint {
  readonly id: EndpointId;
  readonly worker: ConnectedWorker;
  readonly node: Node;
  readonly meter: WorkerMeter;
  readonly rate: RecentRate;
  answeredAtMs: number;
}

/** The parts that endpoints work with. */
export interface EndpointParts<T extends Task> {
  readonly pool: Pool<T>;
  readonly jobs: Jobs<T>;
  readonly nodes: Nodes;
  readonly workers: Workers;
  readonly core: CoreImage;
  readonly policy: JobPolicy;
  /** How long `worker_init` may take. */
  readonly initMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly coreOutput: CoreOutputMode;
  /** For workers on other machines: the own one has no network in between. */
  readonly compression: CompressionMode;
  /** See `ClusterOptions`. */
  readonly isInteractive: boolean;
  /** A job has printed something, or its core while no job ran. */
  onPrinted(printed: Printed<T>): void;
  /** Something has changed: the pool schedules jobs. Returns the time, which is the same for all events of a turn. */
  readonly onEvent: () => number;
}

/** All endpoints of one cluster. */
export class Endpoints<T extends Task> {
  readonly #parts: EndpointParts<T>;
  readonly #byId = new Map<EndpointId, Endpoint>();
  readonly #byWorker = new Map<ConnectedWorker, Endpoint>();
  readonly #version1: Version1Watch;
  #loadsAtOnce = false;
  readonly #notices: WorkerNotices;
  readonly #lost = new LostWorkers();

  constructor(parts: EndpointParts<T>) {
    this.#parts = parts;
    this.#version1 = new Version1Watch(parts.log);
    this.#notices = new WorkerNotices(parts.log);
  }

  get count(): number {
    return this.#byId.size;
  }

  /** What the workers do now, and the jobs that run longest. */
  view(nowMs: number, limits: ViewLimits): ClusterView<T> {
    const { latest: lost } = this.#lost;
    return { ...viewOf([...this.#byId.values()], this.#parts.pool, nowMs, limits), lost };
  }

  /** How many workers were lost and have not come back. */
  get lost(): number {
    return this.#lost.count;
  }

  /** The slots that load the core, as far as the workers have said. */
  get loading(): LoadingSlots | undefined {
    return loadingSlotsOf(this.workers);
  }

  /** The workers that are ready. */
  get workers(): ConnectedWorker[] {
    return [...this.#byId.values()].map(({ worker }) => worker);
  }

  /** The endpoints of the workers of these voters. */
  idsOf(voters: readonly string[]): EndpointId[] {
    return [...this.#byId.values()]
      .filter(({ worker }) => voters.includes(worker.voter))
      .map(({ id }) => id);
  }

  // Calls from the pool to workers.

  loadCore(id: EndpointId): void {
    const { core, initMs } = this.#parts;
    const worker = this.#byId.get(id)?.worker;
    worker?.connection.loadCore(buildFor(core, worker.platform), initMs);
  }

  send(id: EndpointId, dispatch: DispatchId, job: Job<T>): void {
    const { attempt, payload } = job;
    const { index, limits = this.#parts.policy } = payload;
    const worker = this.#byId.get(id)?.worker;
    const input = payload.stored?.open((reason) => this.#onUnreadable(job, reason));
    if (worker?.connection.version === 1) this.#version1.onLimits(worker, limits);
    worker?.connection.sendJob(dispatch, attempt, limits, index, input ?? payload.input);
  }

  #onUnreadable(job: Job<T>, reason: string): void {
    this.#parts.jobs.onUnreadable(job, reason);
    this.#parts.onEvent();
  }

  /** Loads the core at once, wherever it is not loaded yet, instead of before the first job. */
  loadCores(): void {
    this.#loadsAtOnce = true;
    const { pool, core } = this.#parts;
    for (const id of pool.emptyEndpoints()) pool.load(id, core.key);
  }

  cancel(id: EndpointId, dispatch: DispatchId): void {
    this.#byId.get(id)?.worker.connection.cancel(dispatch);
  }

  // Events from workers.

  onReady(worker: ConnectedWorker): void {
    const { pool, jobs, nodes, core, clock, onEvent } = this.#parts;
    const { slots, connection, address, name, identity, voter, history } = worker;
    const answeredAtMs = clock.now();
    const id = pool.onEndpointUp(slots && Math.min(slots, SLOTS_MAX));
    if (this.#parts.isInteractive) whenLowLatency(worker, () => pool.onLowLatency(id));
    const hasLimits = connection.version > 1;
    const known = { name, label: worker.node, identity, voter, hasLimits, history };
    const node = nodes.onReady(known, id, answeredAtMs);
    const meter = new WorkerMeter(jobs.wallTime, worker);
    const rate = new RecentRate(answeredAtMs);
    const endpoint = { id, worker, node, meter, rate, answeredAtMs };
    this.#byId.set(id, endpoint);
    this.#byWorker.set(worker, endpoint);
    jobs.onEndpointUp(id, history, hasLimits ? undefined : () => this.#unlimited);
    connection.serve({
      onAnswer: (dispatch, answer) => this.#onAnswer(endpoint, dispatch, answer),
      isAwaited: (dispatch) => pool.jobAt(id, dispatch) !== undefined,
      onPrinted: (dispatch, notice) => this.#onPrinted(id, dispatch, notice),
      coreOutput: this.#parts.coreOutput,
      compression: worker.isLocal ? "never" : this.#parts.compression,
    });
    if (connection.version === 1) this.#version1.onLimits(worker, this.#parts.policy);
    this.#notices.onReady(worker);
    this.#lost.onReady(worker);
    // The core is loaded before the first job if the address was given up before, or there may be stragglers to copy.
    const isTried = address?.givenUpReason !== undefined;
    if (isTried || this.#loadsAtOnce || pool.counts().inFlight > 0) pool.load(id, core.key);
    onEvent();
  }

  onCoreLoaded(worker: ConnectedWorker): void {
    const nowMs = this.#parts.onEvent();
    const endpoint = this.#byWorker.get(worker);
    if (endpoint) this.#parts.pool.onLoaded(endpoint.id, nowMs);
  }

  onDraining(worker: ConnectedWorker, reason?: string): void {
    const { pool, nodes, onEvent } = this.#parts;
    const endpoint = this.#byWorker.get(worker);
    if (endpoint) {
      pool.onEndpointLeaving(endpoint.id);
      nodes.onLeaving(endpoint.node);
    }
    this.#notices.onDraining(worker, reason);
    onEvent();
  }

  /** The answer to a job came too slowly while memory was short. The job runs again, if possible elsewhere. */
  onDiscarded(worker: ConnectedWorker, id: Uint64): void {
    const { pool, workers, clock, log, onEvent } = this.#parts;
    const endpoint = this.#byWorker.get(worker);
    const job = endpoint && pool.onReturned(endpoint.id, id as DispatchId, clock.now());
    if (!job) return workers.disconnect(worker, unusable(unexpectedResponse(id)));
    log.info(`worker ${worker.name}: an answer came too slowly, and its job runs again`);
    const antiAffinity = { endpoints: [endpoint.id], isRequired: false };
    if (!job.antiAffinity.isRequired) pool.onAntiAffinity(job, antiAffinity, clock.now());
    onEvent();
  }

  onGone(worker: ConnectedWorker, departure: Departure): void {
    const { pool, jobs, nodes, clock, onEvent } = this.#parts;
    const endpoint = this.#byWorker.get(worker);
    if (!endpoint) return;
    const { id } = endpoint;
    if (departure.kind === "drained") this.#notices.onLeft(pool.inSlotsAt(id), clock.now());
    this.#byId.delete(id);
    this.#byWorker.delete(worker);
    nodes.onGone(endpoint.node, id);
    const lost = pool.inFlightAt(id);
    jobs.onEndpointLost(id, worker.history, departure);
    this.#lost.onGone(worker, departure, lost, clock.now());
    this.#notices.onGone(worker, departure, lost);
    onEvent();
  }

  /** A worker's result differs from the result that two other workers agree on. */
  onOutvoted({ identity, worker, reason, unverified, isExcluded }: Outvoted): void {
    const { log, workers } = this.#parts;
    log.warn(`worker ${worker}: ${reason}`);
    if (isExcluded) workers.exclude(identity, exclusionReason(reason, unverified));
  }

  onPaused(isPaused: boolean): void {
    this.#version1.onPaused(isPaused, this.#parts.clock.now());
  }

  /** Disconnects workers that have drained, and version 1 workers that hang. */
  onTick(nowMs: number): void {
    this.#notices.onTick(nowMs);
    const { pool, workers } = this.#parts;
    for (const { id, worker, rate } of [...this.#byId.values()]) {
      rate.onCount(worker.answers, nowMs);
      const hasDrained = worker.state.kind === "draining" && pool.inFlightAt(id) === 0;
      if (hasDrained) workers.disconnect(worker, new Error("it is draining and has no jobs left"));
    }
    this.#disconnectHanging(nowMs);
  }

  #disconnectHanging(nowMs: number): void {
    const { pool, jobs, workers, policy } = this.#parts;
    for (const { endpoint: id, job } of pool.currentJobs()) {
      const endpoint = this.#byId.get(id);
      if (endpoint?.worker.connection.version !== 1) continue;
      const { timeMs } = job.payload.limits ?? policy;
      const problem = this.#version1.problem(timeMs, job.sentAtMs, endpoint.answeredAtMs, nowMs);
      if (!problem) continue;
      workers.disconnect(endpoint.worker, problem);
      jobs.onHung(job, this.#unlimited);
    }
  }

  get #unlimited(): EndpointId[] {
    return [...this.#byId.values()].filter(({ node }) => !node.hasLimits).map(({ id }) => id);
  }

  #onAnswer(endpoint: Endpoint, dispatch: DispatchId, answer: Answer): void {
    const { pool, jobs, workers, onEvent } = this.#parts;
    const { id, worker, meter, node } = endpoint;
    if (answer.kind === "error") {
      const { cause, message } = answer;
      if (cause === "draining" || cause === "cancelled") {
        return this.#onReturned(endpoint, dispatch, cause, message);
      }
      if (cause === "core") return workers.disconnect(worker, coreLost(worker, message));
    }
    const answeredAtMs = onEvent();
    const job = pool.onAnswer(id, dispatch, answeredAtMs);
    if (!job) throw unexpectedResponse(dispatch);
    worker.answers += 1;
    endpoint.answeredAtMs = answeredAtMs;
    if (pool.isWanted(job)) {
      jobs.onAnswer({ job, answer, worker: worker.name, meter, answeredAtMs }, node);
    } else discardOutput(answer);
  }

  #onPrinted(id: EndpointId, dispatch: DispatchId | undefined, notice: PrintedNotice): void {
    const { lines, leftOut } = notice;
    const job = dispatch === undefined ? undefined : this.#parts.pool.jobAt(id, dispatch);
    this.#notices.onPrinted();
    if (dispatch === undefined || job) this.#parts.onPrinted({ job, lines, leftOut });
  }

  /** The worker has not run the job, because it is draining, for `reason`, or because the job was canceled. */
  #onReturned(
    { id, worker }: Endpoint,
    dispatch: DispatchId,
    cause: "draining" | "cancelled",
    reason: string,
  ): void {
    const { pool, workers, onEvent } = this.#parts;
    const job = pool.onReturned(id, dispatch, onEvent());
    if (!job) throw unexpectedResponse(dispatch);
    if (cause === "draining") workers.drain(worker, reason); // it may not have sent a notice before
    else if (pool.isWanted(job)) {
      const problem = "it canceled a job that it was not told to cancel";
      workers.disconnect(worker, new UnusableWorkerError(problem));
    }
  }

  /** Says what is still to be said about workers. */
  close(): void {
    this.#notices.flush();
  }
}
