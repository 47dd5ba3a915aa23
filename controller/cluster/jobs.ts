/** A cluster's jobs: decides whether an answer ends its job, retries it, or is a vote. */

import type { CoreKey, EndpointId } from "../../pool/ids.ts";
import type { Job } from "../../pool/job.ts";
import type { Pool } from "../../pool/pool.ts";
import type { Clock } from "../../runtime/clock.ts";
import { WallTime } from "../../system/wall_time.ts";
import type { Answer } from "../answer.ts";
import type { Departure } from "../workers/workers_events.ts";
import { Blame } from "./blame.ts";
import { JobQueue } from "./job_queue.ts";
import { LostJobs } from "./lost_jobs.ts";
import type { Node } from "./node.ts";
import type { Nodes } from "./nodes.ts";
import { endpointsOf } from "./placement.ts";
import { DEFAULT_POLICY } from "./job_policy.ts";
import { type Cancel, Speculation } from "./speculation.ts";
import {
  type ClusterOptions,
  type ClusterStatus,
  type Completion,
  type Task,
} from "./cluster_types.ts";
import { type Outvoted, Verification } from "./verification.ts";
import { WorkerMeter } from "./worker_meter.ts";

/** A job that was running on this many workers when they were lost is most likely the cause. See `LostJobs`. */
export const LOSSES_MAX = 10;

/** What `Jobs` needs from its owner. */
export interface JobActions<T extends Task> {
  /** Tells the worker not to run a job. */
  readonly cancel: Cancel;
  /** Whether more workers are expected to connect soon. */
  awaitsNodes(): boolean;
  /** Whether too few workers are left, and one that cannot be reached may return. */
  isCutOff(): boolean;
  /** The endpoints of workers that are connected, by their voters. */
  endpointsOf(voters: readonly string[]): readonly EndpointId[];
  onCompleted(completion: Completion<T>): void;
  /** See `VerificationActions`. */
  onOutvoted(outvoted: Outvoted): void;
  onDisagreement(error: Error): void;
}

/** The jobs of one run, in a pool. */
export class Jobs<T extends Task> {
  readonly queue: JobQueue<T>;
  readonly wallTime: WallTime;
  readonly #pool: Pool<T>;
  readonly #clock: Clock;
  readonly #actions: JobActions<T>;
  readonly #nodes: Nodes;
  readonly #blame: Blame<T>;
  readonly #lost: LostJobs<T>;
  readonly #speculation: Speculation<T>;
  readonly #verification: Verification<T> | undefined;
  readonly #speculates: boolean;
  #isCopyingDue = false;
  /** Jobs that the pool has given up during the current `onEndpointLost`. */
  #crashed: { readonly job: Job<T>; readonly reason: string }[] = [];

  constructor(
    pool: Pool<T>,
    nodes: Nodes,
    clock: Clock,
    core: CoreKey,
    options: ClusterOptions,
    actions: JobActions<T>,
  ) {
    const { policy = DEFAULT_POLICY, speculates = true, verifiedPart = 0 } = options;
    this.#pool = pool;
    this.#clock = clock;
    this.wallTime = new WallTime(clock);
    this.#actions = actions;
    this.#nodes = nodes;
    this.#blame = new Blame<T>({
      pool,
      nodes,
      policy,
      awaitsNodes: () => actions.awaitsNodes(),
      isCutOff: () => actions.isCutOff(),
      votersOf: (task) => this.#verification?.votersOf(task) ?? [],
    });
    this.#lost = new LostJobs(pool);
    this.#speculation = new Speculation<T>(
      pool,
      actions.cancel,
      (...stuck) => this.#onStuck(...stuck),
      (task) => endpointsOf(this.#blame.unfitFor(task)),
    );
    this.#verification = verifiedPart > 0 ? this.#verify(verifiedPart) : undefined;
    this.queue = new JobQueue(pool, core, this.#blame, this.#verification);
    this.#speculates = speculates;
  }

  /** What has come of attempts beyond the first of each job. `verified`: `undefined` without verification. */
  get attempts(): Pick<ClusterStatus, "faults" | "copies" | "verified"> {
    return {
      faults: this.#blame.faults,
      copies: this.#speculation.counts,
      verified: this.#verification?.counts,
    };
  }

  /** Ends a job without an answer, with all its copies. */
  cancel(job: Job<T>): void {
    this.#speculation.cancelOthers(job);
    if (this.#pool.isWanted(job)) this.#speculation.cancel(job);
    this.#forget(job.payload);
  }

  /** Cancels jobs that have certainly not begun. Returns how many tasks end because of that. */
  cancelUnstarted(): number {
    const hasNoOther = (job: Job<T>) => !this.#speculation.hasOther(job);
    const sent = this.#pool.unstarted(this.#clock.now()).filter(hasNoOther);
    for (const job of sent) this.#speculation.cancel(job);
    const queued = this.#pool.onQueueCanceled(this.queue.client);
    // Both copies of a job may have been queued: that is one task.
    const ended = new Set([...queued, ...sent].filter(hasNoOther).map(({ payload }) => payload));
    for (const task of ended) this.#forget(task);
    return ended.size;
  }

  /** A job that still needs a result has an answer from a node. */
  onAnswer(completion: Completion<T>, node: Node): void {
    const { job, answer } = completion;
    if (isGood(answer)) {
      this.#nodes.onPassed(node, this.#blame.isFirst(job.payload), completion.answeredAtMs);
    }
    if (answer.kind === "result" && this.#verification?.includes(job.payload)) {
      this.#speculation.cancelOthers(job); // the next vote is that of another worker
      const agreed = this.#verification.onResult(node, completion);
      if (agreed) this.#settle(agreed, node, true);
    } else this.#settle(completion, node, false);
  }

  /** The pool gives a job up, because workers that run it crash. */
  onCrashed(job: Job<T>, reason: string): void {
    this.#crashed.push({ job, reason });
  }

  /** A worker of this history is an endpoint. See `LostJobs.onWorkerWith`. */
  onEndpointUp(
    endpoint: EndpointId,
    history: object,
    unlimited: (() => readonly EndpointId[]) | undefined,
  ): void {
    this.#lost.onWorkerWith(history, endpoint, unlimited, this.#clock.now());
  }

  /** The job may have hung a worker that is lost: it runs next, if possible, where its time limit is enforced. */
  onHung(job: Job<T>, unlimited: readonly EndpointId[]): void {
    this.#lost.onHung(job, unlimited, this.#clock.now());
  }

  /** The endpoint of a worker of this history is gone. Its jobs run again. */
  onEndpointLost(
    endpoint: EndpointId,
    history: object,
    { kind, reason, mayBeJobsFault }: Departure,
  ): void {
    if (kind !== "drained") this.#blame.faults.lost += this.#pool.inFlightAt(endpoint);
    const hasOther = this.#nodes.usable.some((node) => node.history !== history);
    const isRepeated = (job: Job<T>) => this.#lost.onLost(job, history) && hasOther;
    this.#pool.onEndpointLost(endpoint, reason, !mayBeJobsFault, isRepeated);
    const answeredAtMs = this.#clock.now();
    for (const { job, reason } of this.#crashed.splice(0)) {
      const message = `${LOSSES_MAX} workers were lost while running it; the last one: ${reason}`;
      const answer: Answer = { kind: "error", cause: "crash", message };
      const meter = new WorkerMeter(this.wallTime);
      this.#complete({ job, answer, worker: "", meter, answeredAtMs });
    }
    this.#speculation.onEndpointLost(); // last, because the jobs that failed above no longer have copies
  }

  /** The input of a job cannot be read while it is sent: the job has failed, wherever it is. */
  onUnreadable(job: Job<T>, message: string): void {
    if (!this.#pool.isWanted(job)) return;
    this.#speculation.cancelOthers(job);
    this.#speculation.cancel(job);
    const answer: Answer = { kind: "error", cause: "other", message };
    const meter = new WorkerMeter(this.wallTime);
    this.#complete({ job, answer, worker: "", meter, answeredAtMs: this.#clock.now() });
  }

  /** Finds stragglers. Call it a few times a second while no more jobs can be queued. */
  findLate(nowMs: number): void {
    if (!this.#speculates) return;
    this.#speculation.findLate(nowMs);
    this.#isCopyingDue = true;
  }

  /** Copies stragglers to idle slots: once they are found, and when slots have become idle. */
  copyLate(nowMs: number): void {
    const { queued } = this.#pool.counts();
    if (this.#isCopyingDue || queued === 0) this.#speculation.copyLate(nowMs);
    this.#isCopyingDue = false;
  }

  /** Fails the jobs on which two workers disagree, where none of `voters` can break the tie. */
  endTies(voters: readonly string[]): void {
    this.#verification?.endTies(voters);
  }

  /** How many these are. */
  tiesFor(voters: readonly string[]): number {
    return this.#verification?.tiesFor(voters) ?? 0;
  }

  /** Decides anew where failed jobs run, if nodes have changed. `isDue`: even if they have not. */
  reviewFailed(isDue: boolean): void {
    if (this.#blame.failing === 0 || !(isDue || this.#blame.isReviewDue)) return;
    for (const completion of this.#blame.review(this.#clock.now())) this.#complete(completion);
  }

  /** Ends the job with this answer, tries it again, or leaves it to its other copy. */
  #settle(completion: Completion<T>, node: Node, isAgreed: boolean): void {
    const { job, answer, answeredAtMs } = completion;
    const task = job.payload;
    if (isGood(answer)) {
      if (!isAgreed) this.#verification?.onUnverified(node.identity, completion);
      this.#blame.onPassed(task, node, answeredAtMs - job.sentAtMs, answeredAtMs);
      return this.#complete(completion);
    }
    this.#blame.onFailed(completion, node);
    if (this.#speculation.onFailed(job)) return;
    const step = this.#blame.next(task, answeredAtMs, isAgreed);
    if (step.kind === "end") this.#complete(step.completion);
    else this.#pool.onRetried(job, answeredAtMs, step.antiAffinity);
  }

  /** A job waits for a worker that does not answer, and has failed on all others that there are. */
  #onStuck(job: Job<T>, isSilent: boolean, isLong: boolean): void {
    const nowMs = this.#clock.now();
    const completion = this.#blame.conclude(job.payload, isSilent, isLong, nowMs);
    if (!completion) return;
    // The answer may be that of a copy which has been sent again since, and would end the job once more.
    this.#speculation.cancelOthers(job);
    this.#speculation.cancel(job);
    this.#complete(completion);
  }

  #complete(completion: Completion<T>): void {
    const { job, answeredAtMs } = completion;
    const sent = Math.max(completion.sent ?? 0, this.#speculation.sentOf(job));
    this.#forget(job.payload);
    this.#speculation.onCompleted(job, answeredAtMs - job.sentAtMs);
    this.#actions.onCompleted(sent > job.attempt ? { ...completion, sent } : completion);
  }

  #forget(task: T): void {
    this.#verification?.forget(task);
    this.#blame.forget(task);
    this.#lost.forget(task);
  }

  #verify(part: number): Verification<T> {
    return new Verification<T>(part, {
      runElsewhere: (job, voters) => {
        this.#pool.onCopied(job, this.#actions.endpointsOf(voters), this.#clock.now());
      },
      reject: (ending, message) => {
        const { payload } = ending.job;
        const pending = this.#pool.jobsOf(this.queue.client).find((job) => job.payload === payload);
        if (pending) this.#speculation.cancel(pending);
        this.#complete({ ...ending, answer: { kind: "error", cause: "other", message } });
      },
      onOutvoted: (outvoted) => this.#actions.onOutvoted(outvoted),
      onDisagreement: (error) => this.#actions.onDisagreement(error),
    });
  }
}

function isGood(answer: Answer): boolean {
  return answer.kind === "result" && answer.result.exitCode === 0;
}
