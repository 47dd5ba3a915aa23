/** Why a job has failed, in one line. */

import assert from "node:assert/strict";
import type { Answer } from "../../../controller/answer.ts";
import {
  isCounted,
  reasonOfAnswer,
  reasonsOnSeveral,
  withCrashes,
} from "../../../controller/cluster/failure_reason.ts";
import { test } from "../../lib/test.ts";

function errorOf(message: string): Answer {
  return { kind: "error", cause: "crash", message };
}

test("an error names the number of crashes if there was more than one", () => {
  const crash = errorOf("crashed: SIGABRT");
  assert.equal(withCrashes(crash, 0), crash);
  assert.equal(withCrashes(crash, 1), crash);
  assert.deepEqual(withCrashes(crash, 2), errorOf("crashed in 2 attempts: SIGABRT"));
  assert.deepEqual(withCrashes(errorOf("so"), 3), errorOf("so, in 3 attempts"));
  const result: Answer = { kind: "result", result: { exitCode: 1, output: new Uint8Array() } };
  assert.equal(withCrashes(result, 3), result);
});

test("an error that says how often the slot was ended has no other number", () => {
  const ended = errorOf("was ended by SIGTERM, 10 times while it ran");
  assert.equal(isCounted(ended), true);
  assert.equal(isCounted(errorOf("was killed by SIGKILL")), false);
  assert.deepEqual(withCrashes(ended, 3), ended);
});

test("the reason of an answer is its message, or its exit code", () => {
  assert.equal(reasonOfAnswer(errorOf("so")), "so");
  const output = new TextEncoder().encode("no such city");
  assert.equal(
    reasonOfAnswer({ kind: "result", result: { exitCode: 3, output } }),
    "exit code 3: no such city",
  );
});

test("the same reason on several nodes is named once, with the nodes", () => {
  const failures = ["a", "b"].map((node) => ({ node, reason: "exit code 3" }));
  assert.equal(reasonsOnSeveral(failures, 0).reason, "exit code 3 on a and b");
  const crashes = ["a", "b", "a"].map((node) => ({ node, reason: "crashed: SIGILL" }));
  assert.equal(reasonsOnSeveral(crashes, 3).reason, "crashed in 3 attempts: SIGILL on a and b");
});

test("all distinct reasons are named, in their order", () => {
  const failures = [
    { node: "a", reason: "crashed: SIGILL" },
    { node: "b", reason: "exit code 1" },
    { node: "c", reason: "crashed: SIGILL" },
  ];
  assert.equal(
    reasonsOnSeveral(failures, 2).reason,
    "crashed: SIGILL on a and c; exit code 1 on b",
  );
});

test("a reason has a bounded length, however many nodes and reasons there are", () => {
  const sameReason = ["a", "b", "c", "d", "e"].map((node) => ({ node, reason: "so" }));
  assert.equal(reasonsOnSeveral(sameReason.slice(0, 3), 0).reason, "so on a, b and c");
  assert.equal(reasonsOnSeveral(sameReason, 0).reason, "so on a, b, c and 2 more");
  const reasons = ["w", "x", "y", "z"].map((reason) => ({ node: "a", reason }));
  assert.equal(reasonsOnSeveral(reasons.slice(0, 3), 0).reason, "w on a; x on a; y on a");
  assert.equal(
    reasonsOnSeveral(reasons, 0).reason,
    "w on a; x on a; y on a; 1 other reason elsewhere",
  );
  const long = ["x", "y"].map((letter) => ({ node: letter, reason: letter.repeat(100_000) }));
  const text = reasonsOnSeveral(long, 0).reason;
  assert(text.length < 450, `${text.length}`);
  assert.match(text, /^x+… on x; y+… on y$/);
});

test("jobs that fail alike have the same reason, in whatever order and wherever they were tried", () => {
  const at = (...nodes: string[]) =>
    reasonsOnSeveral(nodes.map((node) => ({ node, reason: "crashed: SIGSEGV" })), 3);
  assert.deepEqual(at("node10", "node9", "node10"), at("node9", "node10", "node9"));
  assert.deepEqual(at("node10", "node9"), {
    reason: "crashed in 3 attempts: SIGSEGV on node9 and node10",
    sharedReason: "crashed in 3 attempts: SIGSEGV",
  });
  assert.equal(at("a", "b").sharedReason, at("c", "d").sharedReason);
  const mixed = [{ node: "b", reason: "y" }, { node: "a", reason: "x" }];
  assert.equal(reasonsOnSeveral(mixed, 0).sharedReason, "x; y");
  assert.equal(reasonsOnSeveral(mixed.toReversed(), 0).sharedReason, "x; y");
});
