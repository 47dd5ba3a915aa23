/** Workers on one side, jobs on the other: the pool with its connections. */

import { Pool } from "../../pool/pool.ts";
import type { ClientId, DispatchId, EndpointId, Job } from "../../pool/types.ts";
import { UNANSWERED_BYTES_MAX } from "../../protocol/mod.ts";
import type { Log } from "../../system/log.ts";
import type { Address, ByteStream, Runtime } from "../../runtime/ports.ts";
import { Copies } from "./copies.ts";
import type { CoreImage } from "../workers/core_image.ts";
import { keyOf, type Member, voterOf } from "../workers/member.ts";
import { DEFAULT_POLICY, type JobPolicy, Retries } from "./retries.ts";
import type { ClusterEvents, ClusterOptions, ClusterStatus, Completion, Task } from "./task.ts";
import { Verification } from "./verification.ts";
import { Waiters } from "./waiters.ts";
import type { Answer } from "../answer.ts";
import { neverSent, UnusableWorkerError } from "../workers/worker_connection.ts";
import { Workers } from "../workers/workers.ts";

export type { ClusterEvents, ClusterOptions, ClusterStatus } from "./task.ts";

/** Input bytes in flight at a worker, beyond one job for each of its slots. */
const WORKER_BYTES_MAX = 64 * 1024 * 1024;

/** And in any case: version 2 allows so much, with what a job has beside its input. */
const WORKER_BYTES_LIMIT = UNANSWERED_BYTES_MAX - 1024 * 1024;

/** Jobs and bytes that wait in the queue, so that reading inputs and running jobs overlap. */
const QUEUE_JOBS_MIN = 64;
const QUEUE_BYTES_MAX = 64 * 1024 * 1024;

/** A job that was at work on so many workers that were lost is what ends them. */
const LOSSES_MAX = 10;

/** A worker that says it has more is not believed: nothing has so many processors. */
const SLOTS_MAX = 65_536;

/** How often the scheduler looks again although nothing has happened. */
const TICK_MS = 250;

/** A set of workers that share one run's jobs. */
export class Cluster<T extends Task> implements Disposable {
  readonly #events: ClusterEvents<T>;
  readonly #log: Log;
  readonly #core: CoreImage;
  readonly #pool: Pool<T>;
  readonly #client: ClientId;
  readonly #workers: Workers;
  readonly #policy: JobPolicy;
  readonly #retries: Retries<T>;
  readonly #speculates: boolean;
  readonly #verification: Verification<T> | undefined;
  readonly #members = new Map<EndpointId, Member>();
  /** Workers that cannot keep limits, as was said. */
  readonly #tooOld = new Set<string>();
  readonly #copies: Copies<T>;
  /** What the pool has told while it was at work. */
  #crashed: { job: Job<T>; reason: string }[] = [];
  readonly #tick: ReturnType<typeof setInterval>;
  readonly #forRoom = new Waiters();
  #isEnded = false;
  #isStopping = false;
  #isScheduled = false;
  #isClosed = false;
  #isPaused = false;
  #resumedAtMs = 0;

  constructor(
    runtime: Runtime,
    core: CoreImage,
    events: ClusterEvents<T>,
    log: Log,
    options: ClusterOptions = {},
  ) {
    this.#core = core;
    this.#events = events;
    this.#log = log;
    this.#policy = options.policy ?? DEFAULT_POLICY;
    this.#retries = new Retries<T>(this.#policy);
    const { verifiedPart = 0, speculates = true } = options;
    this.#verification = verifiedPart > 0 ? this.#verify(verifiedPart) : undefined;
    this.#speculates = speculates && verifiedPart === 0; // whoever votes is not to be cancelled
    this.#pool = new Pool<T>({
      load: (endpoint) => this.#members.get(endpoint)?.link.loadCore(core),
      send: (endpoint, dispatch, job) => this.#send(endpoint, dispatch, job),
      crashed: (job, reason) => this.#crashed.push({ job, reason }),
      dropped: () => {}, // what nobody wants needs no word
      coreUnavailable: () => {}, // a worker that cannot load the core is closed before
    }, {
      onLost: "retry",
      isLocal: false,
      endpointBytesMax: WORKER_BYTES_MAX,
      endpointBytesLimit: WORKER_BYTES_LIMIT,
      crashesMax: LOSSES_MAX,
    });
    this.#copies = new Copies<T>(this.#pool, (endpoint, dispatch) => {
      this.#members.get(endpoint)?.link.cancel(dispatch);
    });
    this.#client = this.#pool.onClientUp();
    this.#workers = new Workers(
      runtime,
      {
        onUp: (member) => this.#onUp(member),
        onLoaded: (member) => this.#onLoaded(member),
        onAnswer: (member, dispatch, answer) => this.#onAnswer(member, dispatch, answer),
        onDraining: (member) => this.#onDraining(member),
        onDown: (...facts) => this.#onDown(...facts),
        onForsaken: (reasons) => {
          this.close();
          events.onForsaken(reasons);
        },
      },
      log,
      { ...options, needed: this.#verification ? 2 : 1 },
    );
    this.#tick = setInterval(() => this.#onTick(performance.now()), TICK_MS);
  }

  get status(): ClusterStatus {
    const { faults } = this.#retries;
    return { ...this.#pool.counts(), workers: this.#workers.up.size, faults };
  }

  /** Part of the slots' time in which they had a job, from the first worker on; 0 to 1. */
  get busyPart(): number {
    return this.#pool.utilization;
  }

  // Workers.

  /** Dials a worker, and dials again when it is gone. */
  dial(address: Address): void {
    this.#workers.dial(address);
  }

  /** Takes workers that dial us. Returns where. */
  listen(address: Address): Address {
    return this.#workers.listen(address);
  }

  /** Takes a worker that is connected already; `slots` if we know how many it has. Resolves at its end. */
  join(stream: ByteStream, name?: string, slots?: number): Promise<Error | undefined> {
    return this.#workers.join(stream, name, slots);
  }

  /** A worker that somebody else looks after will never come (again). */
  giveUp(name: string, reason: string): void {
    this.#workers.giveUp(name, reason);
  }

  /** Does without a worker that was dialled, once it has answered what it has. */
  leave(address: Address): void {
    this.#workers.leave(address);
  }

  // Jobs.

  /** Queues a task. It ends in exactly one `onCompleted`, unless the cluster is closed before. */
  add(task: T): void {
    this.#pool.onJob(this.#client, this.#core.key, task.input.byteLength, task, performance.now());
    this.#wake();
  }

  /** Resolves when the queue wants more; at once if it does now. */
  async room(): Promise<void> {
    while (!this.hasRoom) await this.#forRoom.wait();
  }

  /** Says whether all tasks are queued: then the end is in sight, and jobs are spread accordingly. */
  end(isEnded = true): void {
    this.#isEnded = isEnded;
    this.#pool.onClientEnded(this.#client, isEnded);
    this.#wake();
  }

  /** Begins nothing more, also nothing again. Returns how many tasks end that have not begun. */
  cancelUnstarted(): number {
    this.#isStopping = true;
    const unstarted = this.#pool.unstarted(performance.now()).filter((job) =>
      !this.#copies.hasOther(job)
    );
    for (const job of unstarted) this.#copies.takeBack(job);
    const jobs = [...this.#pool.onQueueCanceled(this.#client), ...unstarted];
    const ended = jobs.filter((job) => !this.#copies.hasOther(job));
    for (const { payload } of ended) this.#verification?.forget(payload);
    return ended.length;
  }

  /** Lets workers wait with their answers, or goes on. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#resumedAtMs = performance.now();
    this.#workers.pause(isPaused);
  }

  /** Throws if the books do not balance. For tests. */
  audit(): void {
    this.#pool.audit();
  }

  /** Leaves all workers. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#tick);
    this.#workers.close();
    this.#forRoom.wake();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  // What workers do.

  #onUp(member: Member): void {
    const slots = member.slots ?? member.description?.slots;
    member.endpoint = this.#pool.onEndpointUp(slots && Math.min(slots, SLOTS_MAX));
    this.#members.set(member.endpoint, member);
    this.#checkAge(member);
    // It may help out with what runs, also if nothing waits; and a second chance is to show something.
    const isTried = member.dialled?.hopeless !== undefined;
    if (isTried || this.status.inFlight > 0) this.#pool.load(member.endpoint, this.#core.key);
    this.#wake();
  }

  #checkAge(member: Member): void {
    const isLimited = this.#policy.timeMs > 0 || this.#policy.memoryBytes > 0;
    if (!isLimited || member.link.version > 1 || this.#tooOld.has(keyOf(member))) return;
    this.#tooOld.add(keyOf(member)); // it may come again and again
    this.#log.warn(`worker ${member.name} is too old to keep limits of time and memory`);
  }

  #onLoaded({ endpoint }: Member): void {
    if (endpoint !== undefined) this.#pool.onLoaded(endpoint, performance.now());
    this.#wake();
  }

  #onDraining({ endpoint }: Member): void {
    if (endpoint !== undefined) this.#pool.onEndpointLeaving(endpoint);
    this.#wake();
  }

  #onDown({ endpoint, isLeaving }: Member, why: string, isProven: boolean): number {
    if (endpoint === undefined) return 0;
    const lost = this.#pool.inFlightAt(endpoint);
    if (!isLeaving) this.#retries.faults.lost += lost;
    this.#members.delete(endpoint);
    this.#pool.onEndpointLost(endpoint, why, !isProven);
    const answeredAtMs = performance.now();
    for (const { job, reason } of this.#crashed.splice(0)) {
      const message = `${LOSSES_MAX} workers were lost while they had it, the last: ${reason}`;
      const answer: Answer = { kind: "error", cause: "crash", message };
      this.#complete({ job, answer, worker: "", answeredAtMs });
    }
    this.#copies.onLost(); // those that have ended have no copies any more
    this.#wake();
    return lost;
  }

  #onTick(nowMs: number): void {
    this.#workers.look(nowMs);
    this.#giveUpHanging(nowMs);
    this.#letGo();
    if (this.#speculates && this.#isEnded) this.#copies.copyStragglers(nowMs);
    this.#endUndecided();
    this.#wake();
  }

  /** Workers that leave have no reason to stay once they have answered everything. */
  #letGo(): void {
    for (const [endpoint, { isLeaving, link }] of this.#members) {
      if (isLeaving && this.#pool.inFlightAt(endpoint) === 0) link.close();
    }
  }

  /** Version 1 has no time limit and no ping: a worker that answers nothing for far too long is given up. */
  #giveUpHanging(nowMs: number): void {
    const { timeMs } = this.#policy;
    if (timeMs === 0 || this.#isPaused) return;
    const limitMs = 2 * timeMs + 10_000;
    for (const { endpoint, job } of this.#pool.currentJobs()) {
      const member = this.#members.get(endpoint);
      if (!member || member.link.version > 1) continue;
      const sinceMs = Math.max(job.sentAtMs, member.answeredAtMs, this.#resumedAtMs);
      if (nowMs - sinceMs < limitMs) continue;
      const seconds = Math.round(limitMs / 1000);
      member.link.close(
        new Error(
          `it has answered nothing for ${seconds} s, and a job may take ${timeMs / 1000} s`,
        ),
      );
    }
  }

  // Jobs on their way.

  #send(endpoint: EndpointId, dispatch: DispatchId, job: Job<T>): void {
    const { index, input } = job.payload;
    this.#members.get(endpoint)?.link.sendJob(dispatch, job.attempt, this.#policy, index, input);
  }

  #onAnswer(member: Member, dispatch: DispatchId, answer: Answer): void {
    const answeredAtMs = performance.now();
    const { endpoint } = member;
    if (answer.kind === "error" && endpoint !== undefined) {
      if (answer.cause === "draining" || answer.cause === "cancelled") {
        return this.#onReturned(member, endpoint, dispatch, answer.cause);
      }
      if (answer.cause === "core") {
        return member.link.close(new UnusableWorkerError(answer.message));
      }
    }
    const job = endpoint && this.#pool.onAnswer(endpoint, dispatch, answeredAtMs);
    if (!job) throw neverSent({ id: dispatch });
    member.answers += 1;
    member.answeredAtMs = answeredAtMs;
    if (this.#pool.isWanted(job)) {
      this.#settle({ job, answer, worker: member.name, answeredAtMs }, member);
    }
    this.#wake();
  }

  /** The worker has not run the job: because it leaves, or because we have taken the job back. */
  #onReturned(
    member: Member,
    endpoint: EndpointId,
    dispatch: DispatchId,
    cause: "draining" | "cancelled",
  ): void {
    const job = this.#pool.onReturned(endpoint, dispatch, performance.now());
    if (!job) throw neverSent({ id: dispatch });
    if (cause === "draining") {
      this.#workers.onLeaving(member); // if it has not said so before
    } else if (this.#pool.isWanted(job)) {
      const problem = "it has cancelled a job that nobody has taken back";
      member.link.close(new UnusableWorkerError(problem));
    }
    this.#wake();
  }

  /** A job has an answer that somebody waits for. Is it the end of it? */
  #settle(completion: Completion<T>, member: Member): void {
    const { job, answer } = completion;
    if (answer.kind === "result" && this.#verification?.includes(job.payload)) {
      return this.#verification.onVote(voterOf(member), completion);
    }
    this.#judge(completion);
  }

  #judge(completion: Completion<T>): void {
    const { job, answer, answeredAtMs } = completion;
    const isGood = answer.kind === "result" && answer.result.exitCode === 0;
    if (!isGood && this.#copies.onFailed(job)) return;
    const final = this.#retries.judge(job.payload, answer);
    if (final === answer) this.#complete(completion);
    else if (final) this.#complete({ ...completion, answer: final });
    else this.#pool.onRetried(job, answeredAtMs);
  }

  #complete(completion: Completion<T>): void {
    const { job, answeredAtMs } = completion;
    this.#verification?.forget(job.payload);
    this.#copies.onDone(job, answeredAtMs - job.sentAtMs);
    this.#events.onCompleted(completion);
  }

  // Verification.

  #verify(part: number): Verification<T> {
    return new Verification<T>(part, {
      ask: (job, voters) => {
        const avoids = [...this.#members].filter(([, member]) => voters.includes(voterOf(member)));
        this.#pool.onCopied(job, avoids.map(([endpoint]) => endpoint), performance.now());
      },
      accept: (completion) => this.#judge(completion),
      reject: (completion, message) => {
        const { payload } = completion.job;
        const asked = this.#pool.jobsOf(this.#client).find((job) => job.payload === payload);
        if (asked) this.#copies.takeBack(asked);
        this.#complete({ ...completion, answer: { kind: "error", cause: "other", message } });
      },
      suspect: (...facts) => this.#suspect(...facts),
      giveUp: (error) => this.#events.onHopeless?.(error),
    });
  }

  #suspect(voter: string, name: string, reason: string, isUntrusted: boolean): void {
    this.#log.warn(`worker ${name}: ${reason}`);
    if (!isUntrusted) return;
    const member = [...this.#members.values()].find((other) => voterOf(other) === voter);
    const unverified = member
      ? `; it gave ${member.answers} results in all, verify those that were not`
      : "";
    this.#workers.ban(voter, `it computes wrong: ${reason}, again${unverified}`);
  }

  #endUndecided(): void {
    if (this.#workers.expectsMore) return;
    this.#verification?.endUndecided([...this.#members.values()].map(voterOf));
  }

  /** Whether the queue wants more now. */
  get hasRoom(): boolean {
    if (this.#isClosed) return true;
    const { queued, queuedBytes } = this.#pool.queueOf(this.#client);
    const heldBytes = queuedBytes + (this.#verification?.heldBytes ?? 0);
    return queued < Math.max(QUEUE_JOBS_MIN, this.#pool.capacity()) && heldBytes < QUEUE_BYTES_MAX;
  }

  #wake(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (this.#isClosed) return;
      if (this.#isStopping) this.#events.onCancelled?.(this.cancelUnstarted()); // time shows more
      this.#pool.schedule(performance.now());
      if (this.#forRoom.count > 0 && this.hasRoom) this.#forRoom.wake();
    });
  }
}
