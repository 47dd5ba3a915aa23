/** The table of failures: what each kind costs, and when another node is asked. */

import assert from "node:assert/strict";
import {
  believedKind,
  countAttempt,
  type FailedAttempts,
  FAILURE_RULES,
  type FailureKind,
  isLastAttempt,
  kindOf,
  needsOtherNode,
} from "../../../controller/cluster/failure_rules.ts";
import { DEFAULT_POLICY, type JobPolicy } from "../../../controller/cluster/job_policy.ts";
import { test } from "../../lib/test.ts";

const KINDS = Object.keys(FAILURE_RULES) as FailureKind[];

/** A node that nothing is known of, a reliable one, and one whose failures are no more frequent than others'. */
const UNKNOWN = { isReliable: false, isTrusted: false, areDoubted: false };
const RELIABLE = { isReliable: true, isTrusted: false, areDoubted: false };
const TRUSTED = { isReliable: true, isTrusted: true, areDoubted: false };
const DOUBTED = { isReliable: false, isTrusted: false, areDoubted: true };

function noAttempts(): FailedAttempts {
  return { tries: 0, runs: 0, crashes: 0, answers: 0 };
}

/** How many failures of these kinds, in turn, a job has before the options allow no further attempt. */
function attemptsOf(kinds: readonly FailureKind[], policy: Partial<JobPolicy> = {}): number {
  const attempts = noAttempts();
  for (let count = 1; count < 100; count++) {
    const kind = kinds[(count - 1) % kinds.length] as FailureKind;
    countAttempt(attempts, kind);
    if (isLastAttempt(attempts, kind, { ...DEFAULT_POLICY, ...policy })) return count;
  }
  throw new Error("it never ends");
}

test("an answer that says killed stands for three runs of the job", () => {
  const attempts = noAttempts();
  for (const kind of ["exit", "killed"] as const) countAttempt(attempts, kind);
  assert.deepEqual({ tries: attempts.tries, runs: attempts.runs }, { tries: 2, runs: 4 });
});

test("a job fails with as many crashes as the limit says, three by default", () => {
  assert.equal(attemptsOf(["crash"]), 3);
  assert.equal(attemptsOf(["crash"], { crashLimit: 1 }), 1);
  assert.equal(attemptsOf(["crash"], { crashLimit: 2 }), 2);
  assert.equal(attemptsOf(["crash"], { crashLimit: 5, retries: 9 }), 5);
});

test("a job that is reported as killed counts as three crashes, which its worker has seen", () => {
  assert.equal(attemptsOf(["killed"]), 1);
  assert.equal(attemptsOf(["killed"], { crashLimit: 4 }), 2);
  assert.equal(attemptsOf(["crash", "killed"]), 2);
});

test("timeouts and exit codes are retried as often as the policy says, by default never", () => {
  for (const kind of ["exit", "timeout"] as const) {
    assert.equal(attemptsOf([kind]), 1);
    assert.equal(attemptsOf([kind], { retries: 2 }), 3);
  }
});

test("a job over the memory limit, or with an error that a retry cannot fix, is not retried", () => {
  for (const kind of ["memory", "other", "protocol", "cancelled"] as const) {
    assert.equal(attemptsOf([kind], { retries: 9, crashLimit: 9 }), 1, kind);
  }
});

test("a job with several kinds of failures has no more tries than all options allow together", () => {
  assert.equal(attemptsOf(["crash", "timeout"], { retries: 1 }), 4);
  assert.equal(attemptsOf(["crash", "exit", "exit"], { retries: 3, crashLimit: 2 }), 4);
});

test("an answer of a trusted node's job counts at once, anybody else's is tried elsewhere", () => {
  for (const kind of ["exit", "timeout", "memory"] as const) {
    assert.equal(FAILURE_RULES[kind].suspect, "job");
    assert.equal(needsOtherNode(kind, { nodes: 1, tries: 1, ...TRUSTED }), false, kind);
    assert.equal(needsOtherNode(kind, { nodes: 1, tries: 1, ...RELIABLE }), true, kind);
    assert.equal(needsOtherNode(kind, { nodes: 1, tries: 1, ...UNKNOWN }), true, kind);
  }
});

test("what might be the node is tried elsewhere, however good the node is", () => {
  for (const kind of ["crash", "killed", "other", "protocol"] as const) {
    assert.equal(FAILURE_RULES[kind].suspect, "either");
    assert.equal(needsOtherNode(kind, { nodes: 1, tries: 1, ...TRUSTED }), true, kind);
  }
});

test("a limit that was not set, or a time that has not passed, is not believed to be exceeded", () => {
  const limits = { timeMs: 1_000, memoryBytes: 10 };
  assert.equal(believedKind("timeout", 1_000, limits), "timeout");
  assert.equal(believedKind("timeout", 999, limits), "other");
  assert.equal(believedKind("timeout", 9_999, { ...limits, timeMs: 0 }), "other");
  assert.equal(believedKind("memory", 1, limits), "memory");
  assert.equal(believedKind("memory", 1, { ...limits, memoryBytes: 0 }), "other");
  for (const kind of ["crash", "killed", "exit", "other"] as const) {
    assert.equal(believedKind(kind, 1, { timeMs: 0, memoryBytes: 0 }), kind);
  }
});

test("failures on two nodes are enough if one of them is reliable, on three if they are not in doubt, and on six", () => {
  for (const kind of KINDS) {
    assert.equal(needsOtherNode(kind, { nodes: 2, tries: 2, ...RELIABLE }), false, kind);
    assert.equal(needsOtherNode(kind, { nodes: 2, tries: 2, ...UNKNOWN }), true, kind);
    assert.equal(needsOtherNode(kind, { nodes: 3, tries: 3, ...UNKNOWN }), false, kind);
    assert.equal(needsOtherNode(kind, { nodes: 3, tries: 3, ...DOUBTED }), true, kind);
    assert.equal(needsOtherNode(kind, { nodes: 4, tries: 4, ...DOUBTED }), true, kind);
    assert.equal(needsOtherNode(kind, { nodes: 4, tries: 5, ...DOUBTED }), true, kind);
    assert.equal(needsOtherNode(kind, { nodes: 4, tries: 6, ...DOUBTED }), false, kind);
    assert.equal(needsOtherNode(kind, { nodes: 6, tries: 6, ...DOUBTED }), false, kind);
  }
});

test("a job that was tried three times on two nodes is not tried a fourth time", () => {
  assert.equal(needsOtherNode("crash", { nodes: 2, tries: 3, ...UNKNOWN }), false);
});

test("an exit code is a failure of its own kind, and an error has the kind that the worker says", () => {
  const result = { exitCode: 3, output: new Uint8Array() };
  assert.equal(kindOf({ kind: "result", result }), "exit");
  assert.equal(kindOf({ kind: "error", cause: "killed", message: "" }), "killed");
});
