/**
 * Whose fault is it? Decides whether a failed job is tried on another node, and tells the nodes how it ended: if it
 * passes elsewhere, the node is at fault; if it fails everywhere, the job is.
 */

import type { AntiAffinity } from "../../pool/job.ts";
import type { Pool } from "../../pool/pool.ts";
import { type FailingJob, FailingJobs } from "./failing_jobs.ts";
import { isCounted, reasonsOnSeveral, withCrashes } from "./failure_reason.ts";
import {
  believedKind,
  countAttempt,
  FAILED_NODES_MAX,
  type FailedOn,
  FAILURE_RULES,
  isLastAttempt,
  kindOf,
  needsOtherNode,
} from "./failure_rules.ts";
import { namesOf, type Node } from "./node.ts";
import type { Nodes } from "./nodes.ts";
import { isSame, Placement } from "./placement.ts";
import type { Faults, JobPolicy } from "./job_policy.ts";
import type { Completion, Task } from "./cluster_types.ts";

/** How long a failed job waits for a worker that is expected to connect, if there is no other one. */
const AWAITED_NODE_MS = 10_000;

/** What `Blame` works with. */
export interface BlameParts<T extends Task> {
  readonly pool: Pool<T>;
  readonly nodes: Nodes;
  readonly policy: JobPolicy;
  /** Whether more workers are expected to connect soon. */
  awaitsNodes(): boolean;
  /** Whether too few workers are left, and one that cannot be reached may return. */
  isCutOff(): boolean;
  /** The voters whose workers must not run the job, because they have voted on its result. */
  votersOf(task: T): readonly string[];
}

/** What becomes of a failed job: it runs again, or has ended. */
export type NextStep<T extends Task> =
  | { readonly kind: "run"; readonly antiAffinity: AntiAffinity }
  | { readonly kind: "end"; readonly completion: Completion<T> };

/** Decides what becomes of the failed jobs of a run. */
export class Blame<T extends Task> {
  readonly faults: Faults = { exitCodes: 0, crashes: 0, timeouts: 0, memory: 0, lost: 0 };
  readonly #parts: BlameParts<T>;
  readonly #placement: Placement<T>;
  readonly #failing = new FailingJobs<T>();

  constructor(parts: BlameParts<T>) {
    this.#parts = parts;
    this.#placement = new Placement(parts.nodes);
  }

  /** Bytes of the answers that are kept until their jobs are decided. */
  get heldBytes(): number {
    return this.#failing.heldBytes;
  }

  /** How many jobs have failed and may run again. */
  get failing(): number {
    return this.#failing.size;
  }

  /** Whether the job has failed on no node so far. */
  isFirst(task: T): boolean {
    return this.#failing.size === 0 || !this.#failing.has(task);
  }

  /** Whether failed jobs wait that could run now. */
  get isReviewDue(): boolean {
    return this.#parts.nodes.hasChanged || this.#placement.isReviewDue;
  }

  /** A job has passed on a node, `ms` milliseconds after it was sent. */
  onPassed(task: T, node: Node, ms: number, nowMs: number): void {
    const { run } = this.#parts.nodes;
    run.done += 1;
    run.answers += 1;
    run.busyMs += ms;
    if (this.#failing.size === 0) return; // the usual case
    for (const [other, reason] of this.#take(task)?.nodes ?? []) {
      // If the same node did both, that says nothing about it.
      if (other === node) this.#parts.nodes.onForgotten(other);
      else this.#parts.nodes.onRefuted(other, reason, nowMs);
    }
  }

  /** A job has failed on a node. `next` follows, unless another copy of the job decides. */
  onFailed(completion: Completion<T>, node: Node): void {
    const { job, answer, answeredAtMs } = completion;
    const { nodes } = this.#parts;
    const failing = this.#failing.get(job.payload) ?? this.#failing.add(completion, node);
    const ms = answeredAtMs - job.sentAtMs;
    failing.job = job;
    failing.answeredAtMs = answeredAtMs;
    failing.kind = believedKind(kindOf(answer), ms, job.payload.limits ?? this.#parts.policy);
    failing.isCounted = isCounted(answer);
    nodes.run.answers += 1;
    nodes.run.busyMs += ms;
    if (failing.isBudgeted) nodes.run.budgetSpentMs += ms;
    this.#setBudgeted(failing, false);
    const isNew = this.#failing.noteFailure(failing, completion, node);
    if (isNew) nodes.onFailed(node, failing.nodes.size === 1, answeredAtMs);
    this.#failing.keepBest(failing, completion, node);
  }

  /** Decides what follows from a failure. `isAgreed`: two workers have given the same answer. */
  next(task: T, nowMs: number, isAgreed: boolean): NextStep<T> {
    const failing = this.#failing.get(task);
    if (!failing) throw new TypeError("The job has not failed");
    countAttempt(failing.attempts, failing.kind);
    const { fault, attempts } = FAILURE_RULES[failing.kind];
    if (fault) this.faults[fault] += failing.isCounted ? 1 : attempts;
    const antiAffinity = this.#placeFor(failing, nowMs, isAgreed);
    if (antiAffinity) return { kind: "run", antiAffinity };
    return { kind: "end", completion: this.#end(failing, nowMs) };
  }

  /** Decides anew where the queued jobs may run, because nodes have changed. Returns those that have ended. */
  review(nowMs: number): Completion<T>[] {
    const { pool, nodes } = this.#parts;
    const ended: Completion<T>[] = [];
    nodes.hasChanged = false;
    nodes.reweigh();
    for (const failing of this.#failing.all) {
      const { job } = failing;
      if (job.state !== "queued") continue;
      const antiAffinity = this.#placeFor(failing, nowMs, false);
      if (!antiAffinity) {
        pool.onCanceled(job);
        ended.push(this.#end(failing, nowMs));
      } else if (!isSame(antiAffinity, job.antiAffinity)) {
        pool.onAntiAffinity(job, antiAffinity, nowMs);
      }
    }
    return ended;
  }

  /**
   * The job has failed elsewhere, and its last worker does not answer. Returns its end; `undefined` if there is none
   * yet. `isSilent`: that worker has never answered. `isLong`: it has had the job for very long.
   */
  conclude(
    task: T,
    isSilent: boolean,
    isLong: boolean,
    nowMs: number,
  ): Completion<T> | undefined {
    const failing = this.#failing.get(task);
    if (!failing) return undefined;
    const isDecided = !needsOtherNode(failing.kind, this.#failedOn(failing)) ||
      (isLong && failing.nodes.size > 1);
    return isSilent || isDecided ? this.#end(failing, nowMs) : undefined;
  }

  /** The job has ended in another way, or was canceled. */
  forget(task: T): void {
    if (this.#failing.size === 0) return;
    for (const node of this.#take(task)?.nodes.keys() ?? []) this.#parts.nodes.onForgotten(node);
  }

  /** A job that has exceeded a limit may never end on a worker that does not enforce it. */
  unfitFor(task: T): Node[] {
    const kind = this.#failing.get(task)?.kind;
    const exceedsLimit = kind === "timeout" || kind === "memory";
    return exceedsLimit ? this.#parts.nodes.connected.filter(({ hasLimits }) => !hasLimits) : [];
  }

  /** Where the job runs next; `undefined` if it has failed. */
  #placeFor(failing: FailingJob<T>, nowMs: number, isAgreed: boolean): AntiAffinity | undefined {
    const { policy, nodes, votersOf } = this.#parts;
    const { job, kind, attempts } = failing;
    const failed = [...failing.nodes.keys()];
    const voters = votersOf(job.payload);
    const unfit = this.unfitFor(job.payload);
    if (!isAgreed && needsOtherNode(kind, this.#failedOn(failing))) {
      const others = nodes.usable.filter((node) =>
        !failed.includes(node) && !unfit.includes(node) && !voters.includes(node.voter)
      );
      if (others.length > 0) {
        failing.aloneSinceMs = undefined;
        const isFree = this.#claimTry(failing, failed);
        return this.#placement.elsewhere(job.payload, others, failed.length, isFree);
      }
      const isCutOff = this.#parts.isCutOff();
      failing.aloneSinceMs = isCutOff ? nowMs : failing.aloneSinceMs ?? nowMs;
      const mayWait = nowMs - failing.aloneSinceMs < AWAITED_NODE_MS;
      if (isCutOff || (mayWait && this.#parts.awaitsNodes())) return this.#placement.nowhere();
    }
    if (isLastAttempt(attempts, kind, policy)) return undefined;
    return this.#placement.anywhere(job, failed, unfit, voters);
  }

  #failedOn({ nodes, attempts }: FailingJob<T>): FailedOn {
    const failed = [...nodes.keys()];
    return {
      nodes: failed.length,
      tries: attempts.tries,
      isReliable: failed.some((node) => this.#parts.nodes.isReliable(node)),
      isTrusted: failed.every(({ score }) => score.isTrusted),
      areDoubted: this.#parts.nodes.areDoubted(failed),
    };
  }

  /**
   * Claims a try elsewhere that may take the place of another job. Returns whether it may. If a failure is most
   * likely the job's own, such tries may cost only so much: a claim spends some of it. Nodes that only seem to fail
   * more than others get one try at a time: it shows.
   */
  #claimTry(failing: FailingJob<T>, failed: readonly Node[]): boolean {
    if (failed.length >= FAILED_NODES_MAX) return false; // it has had its tries
    if (FAILURE_RULES[failing.kind].suspect === "either" || failing.isBudgeted) return true;
    if (failed.every(({ score }) => score.hasRefuted)) return true;
    const { run } = this.#parts.nodes;
    const standOut = failed.every(({ score }) => score.standsOut || score.hasRefuted);
    if (!(standOut && run.mayCompare) && !run.hasBudget) return false;
    run.budgetedTries += 1;
    this.#setBudgeted(failing, true);
    return true;
  }

  #setBudgeted(failing: FailingJob<T>, isBudgeted: boolean): void {
    if (failing.isBudgeted === isBudgeted) return;
    failing.isBudgeted = isBudgeted;
    this.#parts.nodes.run.budgetedInFlight += isBudgeted ? 1 : -1;
  }

  #end(failing: FailingJob<T>, nowMs: number): Completion<T> {
    const { job, nodes, reasons, attempts, best, answeredAtMs } = failing;
    const { crashes } = attempts;
    this.#take(job.payload);
    this.#parts.nodes.onJobFailed([...nodes.keys()], nowMs);
    const answer = withCrashes(best.completion.answer, crashes);
    const failures = { attempts: attempts.runs, workers: namesOf(nodes.keys()) };
    const completion = { ...best.completion, job, answer, answeredAtMs, failures };
    return nodes.size > 1 ? { ...completion, ...reasonsOnSeveral(reasons, crashes) } : completion;
  }

  #take(task: T): FailingJob<T> | undefined {
    const failing = this.#failing.take(task);
    if (failing) this.#setBudgeted(failing, false);
    if (failing) this.#placement.forget(task);
    return failing;
  }
}
