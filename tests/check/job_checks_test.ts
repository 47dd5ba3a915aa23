/** What is said of jobs whose trials have ended in different ways. */

import assert from "node:assert/strict";
import { checkJobs } from "../../check/job_checks.ts";
import { checkRepeated } from "../../check/repeat_checks.ts";
import type { TrialResult } from "../../check/trial_result.ts";
import { test } from "../lib/test.ts";

const RAN = {
  exitCode: 0,
  outputBytes: 1,
  output: "digest",
  problem: undefined,
  isInInput: false,
  isIntact: true,
  threads: 0,
};

const SOUND: TrialResult = {
  phase: "unload",
  output: undefined,
  crash: undefined,
  failure: undefined,
  loaded: { openMs: 1, initMs: 1 },
  runs: [RAN, RAN],
  times: { runs: 1, medianMs: 1, maxMs: 1 },
  usage: [],
  threadCounts: [],
  left: { processes: 0, files: [] },
  printed: [],
  survivors: 0,
};

/** A core that does not load again, as one that has the only licence. */
const REFUSED: TrialResult = {
  ...SOUND,
  phase: "init",
  failure: "worker_init returned 7",
  loaded: undefined,
  runs: [],
  times: { runs: 0, medianMs: 0, maxMs: 0 },
  left: undefined,
  printed: ["licence in use"],
};

const WHOLE = {
  input: { name: "a.txt", path: "/a.txt", isBuiltIn: false },
  plain: SOUND,
  again: SOUND,
  behind: SOUND,
  behindOther: SOUND,
  unfilled: undefined,
  unfilledOther: undefined,
  front: SOUND,
};

const REASON = "in a later process, worker_init returned 7 (licence in use); " +
  "each slot has a process of its own";

test("a sound core has no findings", () => {
  for (const { state, text } of checkJobs([WHOLE])) assert.equal(state, "ok", text);
});

test("a core that loads only in the first process has failed, and nothing else is said to be well", () => {
  const none = { behind: undefined, behindOther: undefined, front: undefined };
  const [jobs, ...others] = checkJobs([{ ...WHOLE, plain: REFUSED, again: REFUSED, ...none }]);
  assert.equal(jobs?.state, "failed");
  assert.equal(jobs?.text, `${REASON} (input: a.txt)`);
  for (const { check, state } of others) assert.equal(state, "skipped", check);
});

test("a core that no longer loads in any later process has failed, and is not said to leave its bounds", () => {
  for (const name of ["again", "behind", "behindOther", "front"]) {
    const [jobs, ...others] = checkJobs([{ ...WHOLE, [name]: REFUSED }]);
    assert.equal(jobs?.state, "failed", name);
    for (const { check, state } of others) assert.notEqual(state, "failed", `${name}: ${check}`);
  }
  const [leaks, ...others] = checkRepeated(REFUSED, 1);
  assert.deepEqual(leaks, { check: "leaks", state: "failed", text: REASON });
  assert.deepEqual(others.map(({ state }) => state), ["skipped", "skipped"]);
});

test("the exit code of a job whose output could not be freed is not known", () => {
  const crash = { ...SOUND, crash: "crashes with SIGABRT", phase: "free", runs: [] } as const;
  const findings = checkJobs([{ ...WHOLE, plain: crash, again: crash }]);
  assert.equal(findings.find(({ check }) => check === "jobs")?.state, "skipped");
  assert.equal(findings.find(({ check }) => check === "outputs")?.state, "failed");
});

test("an output that reaches past the end of its input is told from a job that reads or writes there", () => {
  for (
    const [phase, text] of [["run", /^it reads or writes past/], [
      "output",
      /^it has an output that reaches past/,
    ]] as const
  ) {
    const unfilled = { ...SOUND, crash: "crashes with SIGSEGV", phase, runs: [] };
    const bounds = checkJobs([{ ...WHOLE, unfilled }]).find(({ check }) => check === "bounds");
    assert.equal(bounds?.state, "failed");
    assert.match(bounds.text, text);
  }
});

test("a leak is said to be of outputs only where it is of their size, and not of any few bytes", () => {
  const leak = (bytes: number, outputBytes: number) => {
    const usage = Array.from({ length: 8 }, (_, index) => {
      const run = 5_000 * (index + 1);
      return { run, heapBytes: run * bytes, residentBytes: 0, threads: 0 };
    });
    const trial = { ...SOUND, times: { runs: 40_000, medianMs: 1, maxMs: 1 }, usage };
    return checkRepeated(trial, outputBytes)[0]?.text ?? "";
  };
  assert.equal(leak(48, 2), "memory grows by 48 bytes per run, over 40,000 runs");
  assert.match(leak(80, 64), /; that is about the size of an output: is it freed in /);
  assert.equal(leak(80, 1000), "memory grows by 80 bytes per run, over 40,000 runs");
});
