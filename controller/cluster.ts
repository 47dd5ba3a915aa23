/** Workers on one side, jobs on the other: the pool with its connections. */

import { Backoff } from "../link/backoff.ts";
import { formatAddress } from "../link/address.ts";
import { Pool, type PoolCounts } from "../pool/pool.ts";
import type { ClientId, DispatchId, EndpointId, Job } from "../pool/types.ts";
import type { Log } from "../runtime/log.ts";
import type { Address, ByteStream, Runtime, StreamListener } from "../runtime/ports.ts";
import type { CoreImage } from "./core_image.ts";
import { reasonOf } from "./system_error.ts";
import {
  type Answer,
  neverSent,
  UnusableWorkerError,
  VERSION_LIMIT_MS,
  WorkerLink,
} from "./worker_link.ts";

/** One attempt to connect. */
const DIAL_LIMIT_MS = 10_000;

/** A worker that was never of use, or is gone, is waited for this long before the run can do without. */
const HOPE_MS = 10_000;

/** Input bytes in flight at a worker, beyond one job for each of its slots. */
const WORKER_BYTES_MAX = 64 * 1024 * 1024;

/** Jobs and bytes that wait in the queue, so that reading inputs and running jobs overlap. */
const QUEUE_JOBS_MIN = 64;
const QUEUE_BYTES_MAX = 64 * 1024 * 1024;

/** How often the scheduler looks again although nothing has happened. */
const TICK_MS = 250;

const CLOSED_BY_WORKER = "it closed the connection";

/** Something to run. */
export interface Task {
  /** Counts from 0 in a run; the job id on the wire. */
  readonly index: number;
  readonly input: Uint8Array<ArrayBuffer>;
}

/** A task's one and only end. */
export interface Completion<T extends Task> {
  readonly job: Job<T>;
  readonly answer: Answer;
  /** The worker that gave the answer. */
  readonly worker: string;
  readonly answeredAtMs: number;
}

/** What the cluster's owner hears. */
export interface ClusterEvents<T extends Task> {
  onCompleted(completion: Completion<T>): void;
  /** No worker is left, and none can come back. Called once. */
  onForsaken(reasons: readonly string[]): void;
}

/** A worker that is connected. */
interface Member {
  readonly name: string;
  readonly link: WorkerLink;
  readonly slots: number | undefined;
  readonly joinedAtMs: number;
  endpoint: EndpointId | undefined;
  hasAnswered: boolean;
}

/** What is known of an address that is dialled. */
interface Dialled {
  /** It was a worker since the last attempt: that it is lost was said then. */
  wasUp: boolean;
  /** And one that answered, or at least stayed: there is hope again. */
  wasOfUse: boolean;
  /** Why nobody waits for it any more. */
  hopeless: string | undefined;
}

/** How long to wait for workers; for tests. */
export interface ClusterLimits {
  readonly hopeMs: number;
  readonly versionMs: number;
}

/** For progress and the summary. */
export interface ClusterStatus extends PoolCounts {
  /** Workers that are connected. */
  readonly workers: number;
}

/** A set of workers that share one run's jobs. */
export class Cluster<T extends Task> implements Disposable {
  readonly #runtime: Runtime;
  readonly #events: ClusterEvents<T>;
  readonly #log: Log;
  readonly #limits: ClusterLimits;
  readonly #core: CoreImage;
  readonly #pool: Pool<T>;
  readonly #client: ClientId;
  readonly #members = new Map<EndpointId, Member>();
  readonly #connecting = new Set<Member>();
  readonly #listeners: StreamListener[] = [];
  readonly #dialled = new Map<string, Dialled>();
  /** Why workers that came by themselves, or were given, are not used any more. */
  readonly #farewells: string[] = [];
  readonly #tick: ReturnType<typeof setInterval>;
  #expectsGuests = false;
  #roomWaiters: (() => void)[] = [];
  #isScheduled = false;
  #isPaused = false;
  #isClosed = false;

  constructor(
    runtime: Runtime,
    core: CoreImage,
    events: ClusterEvents<T>,
    log: Log,
    limits: Partial<ClusterLimits> = {},
  ) {
    this.#runtime = runtime;
    this.#core = core;
    this.#events = events;
    this.#log = log;
    this.#limits = { hopeMs: HOPE_MS, versionMs: VERSION_LIMIT_MS, ...limits };
    this.#pool = new Pool<T>({
      load: (endpoint) => this.#members.get(endpoint)?.link.loadCore(core),
      send: (endpoint, dispatch, job) => this.#send(endpoint, dispatch, job),
      // Workers come and go: a lost one's jobs run elsewhere, so these three never happen here.
      crashed: () => {},
      dropped: () => {},
      unrunnable: () => {},
    }, { onLost: "retry", isLocal: false, endpointBytesMax: WORKER_BYTES_MAX });
    this.#client = this.#pool.onClientUp();
    this.#tick = setInterval(() => this.#wake(), TICK_MS);
  }

  get status(): ClusterStatus {
    return { ...this.#pool.counts(), workers: this.#members.size };
  }

  /** Part of the slots' time in which they had a job, from the first worker on; 0 to 1. */
  get busyPart(): number {
    return this.#pool.busyPart;
  }

  // Workers.

  /** Dials a worker, and dials again when it is gone. */
  dial(address: Address): void {
    const name = formatAddress(address);
    if (this.#dialled.has(name)) return;
    const state = { wasUp: false, wasOfUse: false, hopeless: undefined };
    this.#dialled.set(name, state);
    void this.#keepDialling(name, address, state);
  }

  /** Takes workers that dial us. Returns where. */
  listen(address: Address): Address {
    const listener = this.#listenerAt(address);
    this.#listeners.push(listener);
    this.#expectsGuests = true;
    void this.#acceptFrom(listener);
    return listener.address;
  }

  /** Takes a worker that is connected already; `slots` if we know how many it has. Resolves at its end. */
  join(stream: ByteStream, name = stream.peer, slots?: number): Promise<Error | undefined> {
    if (this.#isClosed) {
      stream.close();
      return Promise.resolve(undefined);
    }
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    const link: WorkerLink = new WorkerLink(stream, {
      onReady: () => this.#onReady(member),
      onLoaded: () => this.#onLoaded(member),
      onLoadFailed: (_core, reason) => link.close(new UnusableWorkerError(reason)),
      onAnswer: (dispatch, answer) => this.#onAnswer(member, dispatch, answer),
      onClosed: (reason) => {
        this.#onClosed(member, reason);
        resolve(reason);
      },
    }, this.#limits.versionMs);
    const joinedAtMs = performance.now();
    const member: Member = {
      name,
      link,
      slots,
      joinedAtMs,
      endpoint: undefined,
      hasAnswered: false,
    };
    this.#connecting.add(member);
    link.start();
    return promise;
  }

  /** A worker that somebody else looks after will never come (again). */
  giveUp(name: string, reason: string): void {
    this.#dismiss(name, reason);
  }

  // Jobs.

  /** Queues a task. It ends in exactly one `onCompleted`, unless the cluster is closed before. */
  add(task: T): void {
    this.#pool.onJob(this.#client, this.#core.key, task.input.byteLength, task, performance.now());
    this.#wake();
  }

  /** Resolves when the queue wants more; at once if it does now. */
  async room(): Promise<void> {
    while (!this.#hasRoom() && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
    }
  }

  /** Says whether all tasks are queued: then the end is in sight, and jobs are spread accordingly. */
  end(isEnded = true): void {
    this.#pool.onClientEnded(this.#client, isEnded);
    this.#wake();
  }

  /** Takes back what is queued and was not sent. */
  cancelQueue(): Job<T>[] {
    return this.#pool.onQueueCancelled(this.#client);
  }

  /** Lets workers wait with their answers, or goes on. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    for (const { link } of this.#members.values()) link.pause(isPaused);
  }

  /** Leaves all workers. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#tick);
    for (const listener of this.#listeners) listener.close();
    for (const member of [...this.#members.values(), ...this.#connecting]) member.link.close();
    this.#wakeRoomWaiters();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  // Connections.

  #listenerAt(address: Address): StreamListener {
    try {
      return this.#runtime.listen(address);
    } catch (cause) {
      const name = formatAddress(address);
      throw new Error(`Cannot listen on ${name}: ${reasonOf(cause)}`, { cause });
    }
  }

  async #acceptFrom(listener: StreamListener): Promise<void> {
    for (;;) {
      const stream = await listener.accept();
      if (!stream) return;
      void this.join(stream);
    }
  }

  async #keepDialling(name: string, address: Address, state: Dialled): Promise<void> {
    const backoff = new Backoff();
    let hopeUntilMs = performance.now() + this.#limits.hopeMs;
    let said = "";
    while (!this.#isClosed) {
      const outcome = await this.#dialOnce(name, address);
      if (this.#isClosed) return;
      const why = outcome ? reasonOf(outcome) : CLOSED_BY_WORKER;
      if (outcome instanceof UnusableWorkerError) return this.#dismiss(name, why);
      if (state.wasOfUse) {
        hopeUntilMs = performance.now() + this.#limits.hopeMs;
        backoff.reset();
      } else if (performance.now() > hopeUntilMs) {
        state.hopeless = why;
        this.#checkForsaken();
      }
      if (why !== said && !state.wasUp) this.#log.warn(`worker ${name}: ${why}; trying again`);
      said = why;
      state.wasUp = state.wasOfUse = false;
      await new Promise((resolve) => setTimeout(resolve, backoff.next()));
    }
  }

  /** One connection from its beginning to its end. */
  async #dialOnce(name: string, address: Address): Promise<Error | undefined> {
    try {
      const stream = await this.#runtime.dial(address, DIAL_LIMIT_MS);
      if (this.#isClosed) return void stream.close();
      return await this.join(stream, name);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #onReady(member: Member): void {
    this.#connecting.delete(member);
    member.endpoint = this.#pool.onEndpointUp(member.slots);
    this.#members.set(member.endpoint, member);
    const dialled = this.#dialled.get(member.name);
    if (dialled) {
      dialled.wasUp = true;
      dialled.hopeless = undefined;
    }
    member.link.pause(this.#isPaused);
    this.#wake();
  }

  #onLoaded(member: Member): void {
    if (member.endpoint !== undefined) this.#pool.onLoaded(member.endpoint, performance.now());
    this.#wake();
  }

  #onClosed(member: Member, reason: Error | undefined): void {
    this.#connecting.delete(member);
    if (this.#isClosed) return;
    const why = reason ? reasonOf(reason) : CLOSED_BY_WORKER;
    const { endpoint, name } = member;
    const dialled = this.#dialled.get(name);
    if (dialled) dialled.wasOfUse = this.#isOfUse(member);
    if (endpoint !== undefined) {
      const lost = this.#pool.outstandingAt(endpoint);
      this.#members.delete(endpoint);
      this.#pool.onEndpointLost(endpoint, why);
      const rerun = lost === 0 ? "" : `; ${lost} ${lost === 1 ? "job runs" : "jobs run"} elsewhere`;
      if (!(reason instanceof UnusableWorkerError)) {
        this.#log.warn(`lost worker ${name}: ${why}${rerun}`);
      }
    }
    if (reason instanceof UnusableWorkerError && !dialled) this.#dismiss(name, why);
    this.#wake();
  }

  /** One that only ever takes jobs and goes is not worth waiting for: they would be sent in a circle. */
  #isOfUse({ endpoint, hasAnswered, joinedAtMs }: Member): boolean {
    if (endpoint === undefined) return false;
    return hasAnswered || performance.now() - joinedAtMs > this.#limits.hopeMs;
  }

  /** A worker that will never be of use. If it was the last hope, the run's end says why; else a warning. */
  #dismiss(name: string, why: string): void {
    const dialled = this.#dialled.get(name);
    if (dialled) dialled.hopeless = why;
    else this.#farewells.push(`${name}: ${why}`);
    this.#checkForsaken();
    if (!this.#isClosed) this.#log.warn(`cannot use worker ${name}: ${why}`);
  }

  #checkForsaken(): void {
    if (this.#isClosed || this.#expectsGuests) return;
    const isHopeful = ({ name }: Member) => this.#dialled.get(name)?.hopeless === undefined;
    if (this.#members.size > 0 || [...this.#connecting].some(isHopeful)) return;
    const reasons: string[] = [...this.#farewells];
    for (const [name, state] of this.#dialled) {
      if (state.hopeless === undefined) return;
      reasons.push(`${name}: ${state.hopeless}`);
    }
    this.#isClosed = true;
    this.close();
    this.#events.onForsaken(reasons);
  }

  // Jobs on their way.

  #send(endpoint: EndpointId, dispatch: DispatchId, job: Job<T>): void {
    this.#members.get(endpoint)?.link.sendJob(dispatch, job.payload.index, job.payload.input);
  }

  #onAnswer(member: Member, dispatch: DispatchId, answer: Answer): void {
    const answeredAtMs = performance.now();
    const job = member.endpoint === undefined
      ? undefined
      : this.#pool.onAnswer(member.endpoint, dispatch, answeredAtMs);
    if (!job) throw neverSent({ id: dispatch });
    member.hasAnswered = true;
    this.#events.onCompleted({ job, answer, worker: member.name, answeredAtMs });
    this.#wake();
  }

  #hasRoom(): boolean {
    const { queued, queuedBytes } = this.#pool.outstanding(this.#client);
    return queued < Math.max(QUEUE_JOBS_MIN, this.#pool.demand()) && queuedBytes < QUEUE_BYTES_MAX;
  }

  #wake(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (this.#isClosed) return;
      this.#pool.schedule(performance.now());
      if (this.#roomWaiters.length > 0 && this.#hasRoom()) this.#wakeRoomWaiters();
    });
  }

  #wakeRoomWaiters(): void {
    for (const resolve of this.#roomWaiters.splice(0)) resolve();
  }
}
