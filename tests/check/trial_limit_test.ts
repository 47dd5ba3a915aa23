/** How long a trial may take, in virtual time. */

import assert from "node:assert/strict";
import { TrialLimit } from "../../check/trial_limit.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";
import { test } from "../lib/test.ts";

test("each job of a trial has the whole limit, as loading has, however long those before it took", async () => {
  const trial = new LimitedTrial({ moreMs: 0 });
  for (let job = 0; job < 3; job++) {
    await trial.clock.advance(900); // of loading, or of the job before
    trial.jobsBegun += 1;
  }
  await trial.clock.advance(1_000);
  assert.equal(trial.kills, 0);
  await trial.clock.advance(250);
  assert.deepEqual([trial.kills, trial.limit.problem], [1, "takes longer than 1s"]);
});

test("a trial is killed when its jobs take longer than the limit, and what is added for many runs", async () => {
  const trial = new LimitedTrial();
  await trial.clock.advance(2_999);
  assert.equal(trial.kills, 0);
  await trial.clock.advance(1);
  assert.deepEqual([trial.kills, trial.limit.problem], [1, "takes longer than 1s"]);
  assert.equal(trial.limit.isLateAtEnd, false);
});

test("a core has five seconds at the end of a trial, however much time its jobs had", async () => {
  const trial = new LimitedTrial();
  await trial.clock.advance(2_500);
  trial.isEnding = true;
  await trial.clock.advance(5_000);
  assert.equal(trial.kills, 0);
  await trial.clock.advance(250);
  assert.deepEqual([trial.kills, trial.limit.problem], [1, "takes longer than 5s"]);
  assert.equal(trial.limit.isLateAtEnd, true);
});

test("a trial whose jobs have just ended is not killed at their limit", async () => {
  const trial = new LimitedTrial();
  await trial.clock.advance(2_990);
  trial.isEnding = true;
  await trial.clock.advance(5_000);
  assert.equal(trial.kills, 0);
  await trial.clock.advance(250);
  assert.deepEqual([trial.kills, trial.limit.problem], [1, "takes longer than 5s"]);
});

test("a core that is known to be late at the end is not waited for again", async () => {
  const trial = new LimitedTrial({ isKnown: true });
  await trial.clock.advance(1_000);
  assert.equal(trial.kills, 0);
  trial.isEnding = true;
  await trial.clock.advance(250);
  assert.deepEqual([trial.kills, trial.limit.problem], [1, "takes longer than 5s"]);
});

test("a trial that has ended is not killed", async () => {
  for (const isEnding of [false, true]) {
    const trial = new LimitedTrial();
    trial.isEnding = isEnding;
    await trial.clock.advance(500);
    trial.limit.stop();
    await trial.clock.advance(60_000);
    assert.deepEqual([trial.kills, trial.limit.problem], [0, undefined]);
  }
});

/** A trial with a limit of one second, and two for many runs unless another time is given for them. */
class LimitedTrial {
  readonly clock = new VirtualClock();
  readonly limit: TrialLimit;
  jobsBegun = 0;
  isEnding = false;
  kills = 0;

  constructor({ isKnown = false, moreMs = 2_000 } = {}) {
    const trial = {
      jobsBegun: () => this.jobsBegun,
      isEnding: () => this.isEnding,
      lostThread: () => undefined,
      kill: () => void this.kills++,
    };
    this.limit = new TrialLimit(this.clock, trial, { limitMs: 1_000, moreMs, isKnown });
  }
}
