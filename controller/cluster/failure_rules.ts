/**
 * What follows from each kind of failure: whether the job runs again, and whether it is tried on another node
 * before it has failed. Pure functions; the table is also in `docs/reliability.md`.
 */

import type { FailureKindName, JobLimits } from "../../protocol/mod.ts";
import type { Answer } from "../answer.ts";
import type { Faults, JobPolicy } from "./job_policy.ts";

/** `exit`: the core returned an exit code other than 0. */
export type FailureKind = FailureKindName | "exit";

/** What follows from one kind of failure. */
export interface FailureRule {
  /**
   * `job`: it is the job's own answer, unless its node is not trusted. `either`: it might as well be the node, so
   * that the job is tried on another node in any case.
   */
  readonly suspect: "job" | "either";
  /** The option that allows further attempts anywhere; `none`: there is no further attempt. */
  readonly limit: "retries" | "crashes" | "none";
  /** The number of failed attempts for which it stands: a worker reports `killed` only after three kills in a row. */
  readonly attempts: number;
  /** Where it is counted. */
  readonly fault: Exclude<keyof Faults, "lost"> | undefined;
}

const OTHER: FailureRule = { suspect: "either", limit: "none", attempts: 1, fault: undefined };

/** The rule for each kind of failure. */
export const FAILURE_RULES: Readonly<Record<FailureKind, FailureRule>> = {
  exit: { suspect: "job", limit: "retries", attempts: 1, fault: "exitCodes" },
  timeout: { suspect: "job", limit: "retries", attempts: 1, fault: "timeouts" },
  // A retry would need as much memory.
  memory: { suspect: "job", limit: "none", attempts: 1, fault: "memory" },
  crash: { suspect: "either", limit: "crashes", attempts: 1, fault: "crashes" },
  killed: { suspect: "either", limit: "crashes", attempts: 3, fault: "crashes" },
  other: OTHER,
  protocol: OTHER,
  // These three say that the job did not run; they never come here.
  core: OTHER,
  cancelled: OTHER,
  draining: OTHER,
};

/**
 * A job that has failed on this many nodes has failed. With the default options no further try takes the place of
 * another job, which bounds the time that a bad job takes from good nodes.
 */
export const FAILED_NODES_MAX = 3;

/**
 * If all of them are in doubt, it is tried on more nodes whose slots have nothing else to do, up to this many in all.
 */
const DOUBTED_NODES_MAX = 6;

/** The failed attempts of one job. */
export interface FailedAttempts {
  tries: number;
  /** How often it ran: three times for one answer that says `killed`. */
  runs: number;
  crashes: number;
  /** Non-zero exit codes and timeouts, which `--retries` counts. */
  answers: number;
}

/** The kind of a failed answer. */
export function kindOf(answer: Answer): FailureKind {
  return answer.kind === "result" ? "exit" : answer.cause;
}

/**
 * The kind by which a failure is judged. A worker cannot know of a limit that was not set, and no job exceeds its
 * time limit before it has had that time: then the worker is wrong, so that others are asked.
 */
export function believedKind(kind: FailureKind, ms: number, limits: JobLimits): FailureKind {
  const isOverTime = limits.timeMs > 0 && ms >= limits.timeMs;
  if (kind === "timeout" && !isOverTime) return "other";
  if (kind === "memory" && limits.memoryBytes === 0) return "other";
  return kind;
}

/** Counts a failed attempt. */
export function countAttempt(attempts: FailedAttempts, kind: FailureKind): void {
  const rule = FAILURE_RULES[kind];
  attempts.tries += 1;
  attempts.runs += rule.attempts;
  if (rule.limit === "crashes") attempts.crashes += rule.attempts;
  if (rule.limit === "retries") attempts.answers += rule.attempts;
}

/** Whether the options allow no further attempt after a failure of this kind. */
export function isLastAttempt(
  attempts: FailedAttempts,
  kind: FailureKind,
  { retries, crashLimit }: JobPolicy,
): boolean {
  // Kinds are counted apart. A job with several kinds of failures must not be tried without end.
  if (attempts.tries >= retries + Math.max(crashLimit, FAILED_NODES_MAX)) return true;
  switch (FAILURE_RULES[kind].limit) {
    case "retries":
      return attempts.answers > retries;
    case "crashes":
      return attempts.crashes >= crashLimit;
    case "none":
      return true;
  }
}

/** On how many nodes a job has failed, how often, and what these nodes are worth. */
export interface FailedOn {
  readonly nodes: number;
  readonly tries: number;
  /** Whether one of them is reliable. */
  readonly isReliable: boolean;
  /** Whether the only one is trusted: its failures are no more frequent than those of others. */
  readonly isTrusted: boolean;
  /** Whether all of them may well be bad. */
  readonly areDoubted: boolean;
}

/** Whether a job should be tried on a node where it has not failed yet, if there is one. */
export function needsOtherNode(kind: FailureKind, failedOn: FailedOn): boolean {
  const { nodes, tries, isReliable, isTrusted, areDoubted } = failedOn;
  if (nodes === 1) return FAILURE_RULES[kind].suspect === "either" || !isTrusted;
  if (isReliable) return false;
  if (nodes < FAILED_NODES_MAX) return tries < FAILED_NODES_MAX;
  return areDoubted && tries < DOUBTED_NODES_MAX;
}
