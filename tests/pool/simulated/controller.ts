/** A simulated controller: a pool over workers, fed from a list of tasks, used like that of a real controller. */

import assert from "node:assert/strict";
import { Speculation } from "../../../controller/cluster/speculation.ts";
import { Pool } from "../../../pool/pool.ts";
import type { ClientId, CoreKey, DispatchId, EndpointId, Job } from "../../../pool/types.ts";
import type { Connection } from "./connection.ts";
import type { ControllerPlan, Task } from "./plan.ts";
import type { Timeline } from "./timeline.ts";
import type { Outcome, Peer, SimulatedWorker } from "./worker.ts";

const TICK_MS = 250;

/** An audit looks at every job in flight, which may be thousands. */
const AUDIT_EVERY = 8;
const QUEUE_JOBS_MIN = 64;
const WORKER_BYTES_MAX = 64 * 1024 * 1024;
const WORKER_BYTES_LIMIT = 256 * 1024 * 1024;

/** How often a failed job is retried. */
export const RETRIES = 1;

/** A connected worker. */
interface Member {
  readonly worker: SimulatedWorker;
  readonly endpoint: EndpointId;
  core: CoreKey | undefined;
  isLeaving: boolean;
}

/** A simulated controller. The simulation connects it with workers. */
export class SimulatedController implements Peer {
  readonly #timeline: Timeline;
  readonly #tasks: readonly Task[];
  readonly #pool: Pool<Task>;
  readonly #client: ClientId;
  readonly #copies: Speculation<Task>;
  readonly #retried = new Map<Task, number>();
  readonly #members = new Map<Connection, Member>();
  readonly #connectionOf = new Map<EndpointId, Connection>();
  #read = 0;
  #ended = 0;
  #isScheduled = false;
  #isTicking = false;
  #passes = 0;
  #isGone = false;
  finishedAtMs: number | undefined;
  /** The most jobs that were in flight at one worker. */
  inFlightMax = 0;
  queuedMax = 0;

  constructor(timeline: Timeline, plan: ControllerPlan) {
    this.#timeline = timeline;
    this.#tasks = plan.tasks;
    this.#pool = new Pool<Task>({
      load: (endpoint, core) => this.#load(endpoint, core),
      send: (endpoint, dispatch, job) => this.#send(endpoint, dispatch, job),
      crashed: () => assert.fail("a lost worker's jobs run elsewhere"),
      dropped: (job) => assert.ok(!this.#pool.isWanted(job), "only unwanted jobs are dropped"),
      coreUnavailable: (job) => this.#judge(job, "coreUnavailable"),
    }, {
      onLost: "retry",
      isLocal: false,
      endpointBytesMax: WORKER_BYTES_MAX,
      endpointBytesLimit: WORKER_BYTES_LIMIT,
    });
    this.#copies = new Speculation<Task>(this.#pool, (endpoint, dispatch) => {
      const { connection, member } = this.#at(endpoint);
      connection.carry(() => member.worker.onCancel(connection, dispatch));
    });
    this.#client = this.#pool.onClientUp();
  }

  /** Whether all its jobs are done, or it has left. */
  get isFinished(): boolean {
    return this.#isGone || this.#ended === this.#tasks.length;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  onConnected(connection: Connection, worker: SimulatedWorker, slots: number | undefined): void {
    if (this.#isGone) return connection.break();
    const endpoint = this.#pool.onEndpointUp(slots);
    this.#members.set(connection, { worker, endpoint, core: undefined, isLeaving: false });
    this.#connectionOf.set(endpoint, connection);
    connection.carry(() => worker.onConnected(connection, this));
    this.#wake();
  }

  /** Leaves in the middle of its run. */
  vanish(): void {
    this.#isGone = true;
    for (const connection of this.#members.keys()) connection.break();
  }

  onClosed(connection: Connection): void {
    const member = this.#members.get(connection);
    if (!member || this.#isGone) return;
    this.#members.delete(connection);
    this.#connectionOf.delete(member.endpoint);
    this.#pool.onEndpointLost(member.endpoint, "connection lost");
    this.#copies.onEndpointLost();
    this.#wake();
  }

  onLoaded(connection: Connection): void {
    const member = this.#members.get(connection);
    if (!member || this.#isGone) return;
    this.#pool.onLoaded(member.endpoint, this.#timeline.nowMs);
    this.#wake();
  }

  onLeaving(connection: Connection): void {
    const member = this.#members.get(connection);
    if (!member || this.#isGone) return;
    member.isLeaving = true;
    this.#pool.onEndpointLeaving(member.endpoint);
    this.#wake();
  }

  onLoadFailed(connection: Connection, core: CoreKey): void {
    const member = this.#members.get(connection);
    if (!member || this.#isGone) return;
    this.#pool.onLoadFailed(member.endpoint, core, "it is bad", this.#timeline.nowMs);
    this.#wake();
  }

  onAnswer(connection: Connection, dispatch: DispatchId, outcome: Outcome): void {
    const member = this.#members.get(connection);
    if (!member || this.#isGone) return;
    this.#wake();
    if (outcome === "returned") {
      assert.ok(member.isLeaving, "only a worker that leaves gives jobs back");
      return void this.#pool.onReturned(member.endpoint, dispatch, this.#timeline.nowMs);
    }
    const job = this.#pool.onAnswer(member.endpoint, dispatch, this.#timeline.nowMs);
    assert.ok(job, "a worker answers what it was sent");
    assert.ok(!this.#pool.isWanted(job) || outcome !== "cancelled", "nobody else takes jobs back");
    if (this.#pool.isWanted(job)) this.#judge(job, outcome);
  }

  assertIdle(): void {
    if (this.#isGone) return;
    const { queued, queuedBytes, inFlight } = this.#pool.counts();
    assert.deepEqual({ queued, queuedBytes, inFlight }, { queued: 0, queuedBytes: 0, inFlight: 0 });
    this.#pool.audit();
  }

  #load(endpoint: EndpointId, core: CoreKey): void {
    const { connection, member } = this.#at(endpoint);
    member.core = core;
    connection.carry(() => member.worker.onCore(connection, core));
  }

  #send(endpoint: EndpointId, dispatch: DispatchId, job: Job<Task>): void {
    const { connection, member } = this.#at(endpoint);
    assert.equal(member.core, job.core, "a worker gets jobs for the core that it has");
    assert.ok(!member.isLeaving, "a worker that leaves gets no more jobs");
    this.inFlightMax = Math.max(this.inFlightMax, this.#pool.inFlightAt(endpoint));
    connection.carry(() => member.worker.onJob(connection, dispatch, job.payload));
  }

  #at(endpoint: EndpointId): { connection: Connection; member: Member } {
    const connection = this.#connectionOf.get(endpoint);
    const member = connection && this.#members.get(connection);
    if (!member) throw new Error(`endpoint ${endpoint} is gone`);
    return { connection, member };
  }

  /** Handles an answer like a real controller. */
  #judge(job: Job<Task>, outcome: Outcome): void {
    const { nowMs } = this.#timeline;
    if (outcome !== "done" && this.#copies.onFailed(job)) return;
    const retried = this.#retried.get(job.payload) ?? 0;
    if (outcome === "failed" && retried < RETRIES) {
      this.#retried.set(job.payload, retried + 1);
      return this.#pool.onRetried(job, nowMs);
    }
    this.#copies.onCompleted(job, nowMs - job.sentAtMs);
    this.#settle(job.payload, outcome);
  }

  #settle(task: Task, outcome: Outcome): void {
    assert.ok(outcome !== "returned" && outcome !== "cancelled");
    assert.equal(task.end, undefined, `task ${task.index} ends once`);
    task.end = outcome;
    this.#ended += 1;
    if (this.isFinished) this.finishedAtMs = this.#timeline.nowMs;
  }

  /** Reads as many tasks ahead as the pool can use. */
  #feed(): void {
    const room = Math.max(QUEUE_JOBS_MIN, this.#pool.capacity());
    let { queued } = this.#pool.queueOf(this.#client);
    for (; queued < room && this.#read < this.#tasks.length; queued++) {
      const task = this.#tasks[this.#read++] as Task;
      this.#pool.onJob(this.#client, task.core, task.bytes, task, this.#timeline.nowMs);
    }
    this.queuedMax = Math.max(this.queuedMax, queued);
    if (this.#read === this.#tasks.length) this.#pool.onClientEnded(this.#client, true);
  }

  #wake(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#timeline.after(0, () => {
      this.#isScheduled = false;
      if (this.#isGone) return;
      this.#feed();
      this.#pool.schedule(this.#timeline.nowMs);
      if (++this.#passes % AUDIT_EVERY === 0) this.#pool.audit();
      this.#tick();
    });
  }

  #tick(): void {
    if (this.#isTicking || this.isFinished) return;
    this.#isTicking = true;
    this.#timeline.after(TICK_MS, () => {
      this.#isTicking = false;
      if (this.#isGone) return;
      if (this.#read === this.#tasks.length) this.#copies.copyStragglers(this.#timeline.nowMs);
      this.#wake();
    });
  }
}
