/** The failing jobs of a run: on which nodes each has failed, and the best answer so far. */

import type { Job } from "../../pool/job.ts";
import { type FailureAt, reasonOfAnswer } from "./failure_reason.ts";
import { type FailedAttempts, type FailureKind, kindOf } from "./failure_rules.ts";
import { mayKeep, withShortOutput } from "./kept_result.ts";
import type { Node } from "./node.ts";
import type { Completion, Task } from "./cluster_types.ts";

/** The failures of one job that are remembered. More say nothing new, however large `--retries` is. */
const FAILURES_MAX = 16;

/** A job that has failed and may run again. */
export interface FailingJob<T extends Task> {
  job: Job<T>;
  readonly attempts: FailedAttempts;
  /** The kind of its last failure. */
  kind: FailureKind;
  /** Whether the message of that says how often the job ran. */
  isCounted: boolean;
  /** The nodes on which it has failed, and the first reason there. */
  readonly nodes: Map<Node, string>;
  readonly reasons: FailureAt[];
  /** The answer of the node with the best score, the latest of these. It is the job's if no other node passes it. */
  best: { readonly completion: Completion<T>; readonly node: Node; readonly score: number };
  /** Its next try is paid from the budget: it takes the place of another job, although this one is most likely bad. */
  isBudgeted: boolean;
  /** When its last answer came. */
  answeredAtMs: number;
  /** Since when there is no other node. */
  aloneSinceMs: number | undefined;
}

/** The failing jobs, by their tasks. Jobs that never fail use no memory here. */
export class FailingJobs<T extends Task> {
  readonly #jobs = new Map<T, FailingJob<T>>();
  #heldBytes = 0;

  get size(): number {
    return this.#jobs.size;
  }

  /** Bytes of the answers that are kept until their jobs are decided. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** All of them now: they may be taken meanwhile. */
  get all(): FailingJob<T>[] {
    return [...this.#jobs.values()];
  }

  has(task: T): boolean {
    return this.#jobs.has(task);
  }

  get(task: T): FailingJob<T> | undefined {
    return this.#jobs.get(task);
  }

  /** A job has failed for the first time. */
  add(completion: Completion<T>, node: Node): FailingJob<T> {
    const failing: FailingJob<T> = {
      job: completion.job,
      attempts: { tries: 0, runs: 0, crashes: 0, answers: 0 },
      kind: kindOf(completion.answer),
      isCounted: false,
      nodes: new Map(),
      reasons: [],
      best: { completion: this.#kept(completion), node, score: -Infinity },
      isBudgeted: false,
      answeredAtMs: completion.answeredAtMs,
      aloneSinceMs: undefined,
    };
    this.#jobs.set(completion.job.payload, failing);
    this.#heldBytes += bytesOf(failing.best.completion);
    return failing;
  }

  /** A job has failed, on this node. Returns whether it has not failed there before. */
  noteFailure(failing: FailingJob<T>, completion: Completion<T>, node: Node): boolean {
    const reason = reasonOfAnswer(completion.answer);
    const isNew = !failing.nodes.has(node) && failing.nodes.size < FAILURES_MAX;
    if (isNew) failing.nodes.set(node, reason);
    if (failing.reasons.length < FAILURES_MAX) failing.reasons.push({ node: node.label, reason });
    return isNew;
  }

  /** Keeps this answer in place of an earlier one, unless that is of a better node. */
  keepBest(failing: FailingJob<T>, completion: Completion<T>, node: Node): void {
    const score = node.score.value;
    if (failing.best.node !== node && score < failing.best.score) return;
    this.#heldBytes -= bytesOf(failing.best.completion);
    failing.best = { completion: this.#kept(completion), node, score };
    this.#heldBytes += bytesOf(failing.best.completion);
  }

  /** Removes a job, which is decided. */
  take(task: T): FailingJob<T> | undefined {
    const failing = this.#jobs.get(task);
    if (!failing) return undefined;
    this.#jobs.delete(task);
    this.#heldBytes -= bytesOf(failing.best.completion);
    return failing;
  }

  /** The completion, without most of its output if others hold much already. The job may be sent again meanwhile. */
  #kept(completion: Completion<T>): Completion<T> {
    const kept = { ...completion, measures: completion.meter.measures(completion) };
    const { answer } = kept;
    if (answer.kind === "error" || mayKeep(bytesOf(kept), this.#heldBytes)) return kept;
    const { usage: _usage, ...rest } = answer; // a part of the payload, which would stay
    return { ...kept, answer: { ...rest, result: withShortOutput(answer.result) } };
  }
}

function bytesOf<T extends Task>({ answer }: Completion<T>): number {
  return answer.kind === "result" ? answer.result.output.byteLength : 0;
}
