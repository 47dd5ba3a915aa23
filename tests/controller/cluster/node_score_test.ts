/** The statistic that says which node can be trusted: both sides of each of its limits. */

import assert from "node:assert/strict";
import { bitsOfFailure, NodeScore } from "../../../controller/cluster/node_score.ts";
import { RunCounts } from "../../../controller/cluster/run_counts.ts";
import { randomSource } from "../../fixtures/peers/frames.ts";
import { test } from "../../lib/test.ts";

/** What a failure counts where hardly any job fails, where a tenth does, and where half do. */
const [RARE, TENTH, HALF] = [0.01, 0.1, 0.5].map(bitsOfFailure) as [number, number, number];

/** A node that has passed jobs. */
function nodeWith(passed: number): NodeScore {
  const score = new NodeScore();
  for (let count = 0; count < passed; count++) score.onPassed();
  return score;
}

/** How many failures in a row of such a node are trusted. */
function trustedInARow(score: NodeScore, bits: number): number {
  for (let count = 0;; count++) {
    score.onFailed(bits);
    if (!score.isTrusted) return count;
    score.onAccepted();
  }
}

test("a failure counts the more, the fewer jobs other nodes fail", () => {
  assert.deepEqual([RARE, TENTH, HALF].map((bits) => bits.toFixed(1)), ["5.7", "2.5", "0.6"]);
  assert.equal(bitsOfFailure(1), 0);
});

test("a node is doubtful when it has more undecided failures than passes", () => {
  const score = nodeWith(2);
  score.onFailed(RARE);
  score.onFailed(RARE);
  assert.equal(score.isDoubtful, false);
  score.onFailed(RARE);
  assert.equal(score.isDoubtful, true);
  score.onConfirmed(false);
  assert.equal(score.isDoubtful, false, "a failure elsewhere takes it back");
});

test("a node is proven with four passes, and no longer with a failure", () => {
  assert.equal(nodeWith(3).isProven, false);
  const score = nodeWith(4);
  assert.equal(score.isProven, true);
  score.onFailed(RARE);
  assert.equal(score.isProven, false);
});

test("where hardly any job fails, no failure of any node is trusted", () => {
  assert.equal(nodeWith(10_000).isTrusted, true);
  assert.equal(trustedInARow(nodeWith(10_000), RARE), 0);
});

test("where a tenth of all jobs fails, fifteen passes make a failure trusted, and three in a row are not", () => {
  assert.equal(trustedInARow(nodeWith(14), TENTH), 0);
  assert.equal(trustedInARow(nodeWith(15), TENTH), 1);
  assert.equal(trustedInARow(nodeWith(10_000), TENTH), 2);
});

test("a failure that others confirm takes back what it counted, however many there are", () => {
  const score = nodeWith(14);
  for (let count = 0; count < 100; count++) score.onFailed(RARE);
  assert.equal(score.isTrusted, false);
  for (let count = 0; count < 100; count++) score.onConfirmed(false);
  assert.equal(score.isTrusted, true);
  assert.equal(score.undecided, 0);
});

test("nodes that all fail every job are trusted after twenty-four confirmed failures", () => {
  const score = nodeWith(0);
  for (let count = 1; count <= 24; count++) {
    assert.equal(score.isTrusted, false, `${count}`);
    score.onFailed(RARE);
    score.onConfirmed(true);
  }
  assert.equal(score.isTrusted, true);
});

test("a job that passes elsewhere costs a node its trust, and a second one its proof", () => {
  const score = nodeWith(16);
  score.onFailed(HALF);
  score.onRefuted();
  assert.equal(score.isTrusted, false);
  assert.equal(score.isProven, true);
  score.onFailed(HALF);
  score.onRefuted();
  assert.equal(score.isProven, false);
  assert.equal(score.hasRefuted, true);
  assert.equal(score.refuted, 2);
});

test("a node whose failures others have confirmed four times stands out no more", () => {
  const score = nodeWith(0);
  for (let count = 0; count < 8; count++) score.onFailed(RARE);
  for (let count = 0; count < 3; count++) score.onConfirmed(false);
  assert.equal(score.standsOut, true);
  score.onConfirmed(false);
  assert.equal(score.standsOut, false);
});

test("a node that has failed a good job is neither trusted nor compared with, until that is long ago", () => {
  const score = nodeWith(20);
  assert.equal(score.isComparable, true);
  score.onFailed(HALF);
  score.onRefuted();
  for (let count = 0; count < 20; count++) score.onPassed();
  assert.equal(score.isTrusted, false);
  assert.equal(score.isComparable, false);
  for (let count = 0; count < 100; count++) score.onPassed();
  assert.equal(score.isTrusted, true);
  assert.equal(score.isComparable, true);
});

test("a node is compared with after eight first tries, and four passes more than failures", () => {
  assert.equal(nodeWith(7).isComparable, false);
  assert.equal(nodeWith(8).isComparable, true);
  const retried = nodeWith(7);
  retried.onPassed(false);
  assert.equal(
    retried.isComparable,
    false,
    "a job that has failed elsewhere is no fair comparison",
  );
});

test("a node that was bad for long is trusted again after a hundred and seventy passes", () => {
  const score = nodeWith(0);
  for (let count = 0; count < 1_000; count++) {
    score.onFailed(RARE);
    score.onRefuted();
  }
  let passes = 0;
  for (; !score.isTrusted; passes++) score.onPassed();
  assert(passes >= 26 && passes < 300, `${passes}`);
});

test("a node stands out when it has failed four jobs more than it should", () => {
  const score = nodeWith(0);
  for (let count = 0; count < 3; count++) score.onFailed(RARE);
  assert.equal(score.standsOut, false);
  score.onFailed(RARE);
  assert.equal(score.standsOut, true);
  for (let count = 0; count < 6; count++) score.onPassed();
  assert.equal(score.standsOut, false);
});

test("a job that was canceled says nothing of a node", () => {
  const score = nodeWith(12);
  score.onFailed(RARE);
  score.onForgotten();
  assert.equal(score.isTrusted, true);
  assert.equal(score.undecided, 0);
});

test("a refuted failure is forgotten after a hundred further jobs", () => {
  const score = nodeWith(0);
  score.onFailed(RARE);
  score.onRefuted();
  for (let count = 0; count < 64; count++) score.onPassed();
  assert.equal(score.hasRefuted, true);
  for (let count = 0; count < 40; count++) score.onPassed();
  assert.equal(score.hasRefuted, false);
});

test("a node with fewer than eight answers might be a perfect one, which others are compared with", () => {
  const score = nodeWith(4);
  for (let count = 0; count < 3; count++) score.onFailed(RARE);
  assert.equal(score.failingPart, 0.01);
  score.onFailed(RARE);
  assert(score.failingPart > 0.3, "half of eight, less a standard error");
});

test("a reliable node has twelve passes more than failures weigh", () => {
  assert(nodeWith(11).reliability(0.01) < 12);
  const score = nodeWith(12);
  assert(score.reliability(0.01) >= 12);
  score.onFailed(RARE);
  assert(score.reliability(0.01) < 12, "the best node fails hardly any job");
  for (let count = 0; count < 2; count++) score.onPassed();
  assert(score.reliability(0.3) >= 12, "the best node fails a third");
  score.onFailed(RARE);
  score.onRefuted();
  assert(score.reliability(0.3) < 12);
});

test("a node that fails half of the good jobs is hardly ever trusted before it is found out", () => {
  const random = randomSource(1);
  let trusted = 0;
  for (let node = 0; node < 5_000; node++) {
    const score = nodeWith(0);
    while (random() < 0.5) score.onPassed();
    score.onFailed(TENTH);
    if (score.isTrusted) trusted += 1;
  }
  assert(trusted <= 5, `${trusted}`);
});

test("the first try of a job that is most likely bad is free, further ones cost 2 % of the time", () => {
  const run = Object.assign(new RunCounts(), { answers: 100, busyMs: 1_000 });
  run.budgetSpentMs = 1_000;
  assert.equal(run.hasBudget, true);
  run.budgetedTries = 1;
  assert.equal(run.hasBudget, false);
  run.budgetSpentMs = 9; // with one more of 10 ms that is just below 20
  assert.equal(run.hasBudget, true);
  run.budgetedInFlight = 1;
  assert.equal(run.hasBudget, false);
});

test("one try at a time compares nodes, and such tries cost 4 % of the time", () => {
  const run = Object.assign(new RunCounts(), { answers: 100, busyMs: 1_000, budgetedTries: 1 });
  run.budgetSpentMs = 29; // with one more of 10 ms that is just below 40
  assert.equal(run.mayCompare, true);
  run.budgetSpentMs = 30;
  assert.equal(run.mayCompare, false);
  run.budgetSpentMs = 0;
  run.budgetedInFlight = 1;
  assert.equal(run.mayCompare, false);
});
