/** What a journal says of a run that is over. */

import assert from "node:assert/strict";
import {
  formatRecord,
  formatRunEvent,
  type JobRecord,
} from "../../controller/output/journal/journal_record.ts";
import type { RunEnding } from "../../controller/output/journal/run_ending.ts";
import { detectRuntime } from "../../runtime/detect.ts";
import { FilesBelow } from "../../runtime/files/files_below.ts";
import type { OverRun } from "../../watch/find_run.ts";
import { pastRunLines } from "../../cli/watching/status_text.ts";
import { readPastRun } from "../../watch/past_run.ts";
import type { PastRun } from "../../watch/snapshot.ts";
import { Workspace } from "../cli/workspace.ts";
import { test } from "../lib/test.ts";

test("the last record of each job counts, and failures are grouped by reason", async () => {
  const past = await pastRunOf([
    record("a", "crashed"),
    record("b", "crashed"),
    record("c", "exit code 3"),
    record("a"),
    record("d"),
    record("c", "crashed"),
  ]);
  assert.deepEqual(past.jobs, { done: 2, failed: 2 });
  assert.deepEqual(past.failures, [{ reason: "crashed", jobs: 2, names: ["b", "c"] }]);
  assert.deepEqual([past.end, past.damagedLines], ["killed", 1]);
});

test("of the jobs with one reason, sixteen are remembered by name, and three that have failed are named", async () => {
  const jobs = Array.from({ length: 18 }, (_, index) => record(`${index}`, "crashed"));
  assert.deepEqual((await pastRunOf(jobs)).failures[0]?.names, ["0", "1", "2"]);
  const repaired = Array.from({ length: 15 }, (_, index) => record(`${index}`));
  const [group] = (await pastRunOf([...jobs, ...repaired])).failures;
  assert.deepEqual(group, { reason: "crashed", jobs: 3, names: ["15"] });
});

test("a million reasons of their own take no more room than a thousand", async () => {
  const records = Array.from(
    { length: 3_000 },
    (_, index) => record(`${index}`, `${index} is bad`),
  );
  const { jobs, failures } = await pastRunOf(records);
  assert.equal(jobs.failed, 3_000);
  assert.equal(failures.length, 20);
  assert.deepEqual([failures[0]?.reason, failures[0]?.jobs], ["other reasons", 2_000]);
});

test("the last run's line says how it has ended, unless a later run has none", async () => {
  const begun = formatRunEvent("begun", "node1", 1, 0);
  const ended = (ending?: RunEnding) => formatRunEvent("ended", "node1", 1, 0, ending);
  const done = line(record("a"));
  const interrupted = ended({ end: "interrupted", left: 7 });
  const endings: [lines: string, end: PastRun["end"], left: number | null][] = [
    [begun + done + ended({ end: "complete", left: 0 }), "complete", 0],
    [begun + done + interrupted, "interrupted", 7],
    [begun + done + ended({ end: "no worker" }), "no worker", null],
    [begun + interrupted + begun, "unknown", null], // its lock is gone: perhaps its disk is full
    [begun + interrupted + begun + ended(), "interrupted", 7], // it took the outputs, and has not begun
    [begun + interrupted + begun + done + ended(), "ended", null], // of a build before 0.1.0
    [begun + done + ended({ end: "by magic" as "error" }), "ended", null],
    ["", "ended", null],
  ];
  for (const [lines, end, left] of endings) {
    const past = await pastRunIn(lines, { end: "ended" });
    assert.deepEqual([past.end, past.left], [end, left], lines);
  }
});

test("of a run that has let its outputs go without noting its end, nobody says that it was killed", async () => {
  const begun = formatRunEvent("begun", "node1", 1, 0);
  const past = await pastRunIn(begun + line(record("a")), { end: "ended" });
  assert.deepEqual(pastRunLines({ ...past, output: "out" }), [
    "the run in out has ended with an error, or was killed: 1 job done",
    "repeat its command to run the remaining jobs",
  ]);
});

test("a run that is complete has its own counts: inputs of earlier runs may be gone, and two may have one output", async () => {
  const begun = formatRunEvent("begun", "node1", 1, 0);
  const ending = { end: "complete", left: 0, done: 1, failed: 1 } as const;
  const ended = formatRunEvent("ended", "node1", 1, 0, ending);
  const lines = begun + line(record("a")) + line(record("b")) + ended;
  const { jobs, otherOutputs } = await pastRunIn(lines, { end: "ended" });
  assert.deepEqual([jobs, otherOutputs], [{ done: 1, failed: 1 }, 1]);
  const later = await pastRunIn(lines + begun + line(record("c")), { end: "ended" });
  assert.deepEqual([later.jobs, later.otherOutputs], [{ done: 3, failed: 0 }, 0]);
});

test("of a run that was killed, those jobs are left that it had to run and that have no record of it", async () => {
  const begun = formatRunEvent("begun", "node1", 1, 0);
  const lines = begun + line(record("a")) + line(record("b")) + begun + line(record("c", "bad"));
  const killed = await pastRunIn(lines, { end: "killed", toRun: 5 });
  assert.deepEqual([killed.end, killed.left, killed.jobs], ["killed", 4, { done: 2, failed: 1 }]);
  assert.equal((await pastRunIn(lines, { end: "killed" })).left, null, "it had not counted them");
});

test("records that a run repeats of jobs that earlier runs have finished are none of the jobs that it had to run", async () => {
  const begun = formatRunEvent("begun", "node1", 1, 0);
  const [a, b, c] = ["a", "b", "c"].map((input, at) =>
    line({ ...record(input), queuedAt: 10 + at })
  );
  const lines = begun + a + b + begun + a + b + c;
  const killed = await pastRunIn(lines, { end: "killed", toRun: 5 });
  assert.deepEqual([killed.left, killed.jobs], [4, { done: 3, failed: 0 }]);
});

const BEGUN = formatRunEvent("begun", "node1", 1, 0);

function ended(done: number, failed: number): string {
  return formatRunEvent("ended", "node1", 1, 0, { end: "complete", left: 0, done, failed });
}

/** An input that could not be used. */
function unused(input: string, error = "another input has the same output"): string {
  return line({ ...record(input, error), attempt: 0 });
}

test("an input that could not be used does not hide that another one with its output is done, and counts beside it", async () => {
  const done = BEGUN + line(record("a"));
  const runs: [lines: string, otherOutputs: number][] = [
    [BEGUN + unused("a") + line(record("a")) + ended(1, 1), 0],
    [done + ended(1, 0) + BEGUN + unused("a") + ended(1, 1), 0], // the one that is done is skipped
    [done + ended(1, 0) + BEGUN + unused("a") + ended(0, 1), 1], // it is the same input
  ];
  for (const [lines, otherOutputs] of runs) {
    const past = await pastRunIn(lines, { end: "ended" });
    assert.deepEqual([past.jobs.failed, past.unread, past.otherOutputs], [1, 1, otherOutputs]);
    assert.deepEqual(past.failures.map(({ names }) => names), [["a"]]);
    assert.deepEqual(pastRunLines(past).slice(1 + otherOutputs), [
      "  failed: a  another input has the same output",
      "repeat its command once this input can be used",
    ]);
  }
  const killed = await pastRunIn(done + unused("a"), { end: "killed" });
  assert.deepEqual([killed.jobs, killed.unread], [{ done: 1, failed: 1 }, 1]);
});

test("what an earlier run could not use, or failed at, is no failure of a later one that does not have it", async () => {
  const first = BEGUN + line(record("a")) + line(record("b", "exit code 4")) +
    unused("c", "cannot read") + ended(1, 2);
  const complete = await pastRunIn(first + BEGUN + ended(1, 0), { end: "ended" });
  assert.deepEqual([complete.jobs, complete.unread, complete.failures], [
    { done: 1, failed: 0 },
    0,
    [],
  ]);
  assert.equal(pastRunLines(complete).length, 1);
  const unreadable = await pastRunIn(first + BEGUN + unused("d", "no") + ended(1, 1), {
    end: "ended",
  });
  assert.deepEqual(unreadable.failures, [{ reason: "no", jobs: 1, names: ["d"] }]);
  const other = await pastRunIn(
    first + BEGUN + line(record("e", "exit code 4")) + ended(1, 1),
    { end: "ended" },
  );
  assert.deepEqual([other.otherFailures, other.failures[0]?.jobs], [1, 2]);
  assert(
    pastRunLines(other).includes("  1 of these failed for inputs that the last run did not have"),
  );
  const killed = await pastRunIn(first + BEGUN, { end: "killed", toRun: 1 });
  assert.deepEqual([killed.jobs, killed.unread, killed.left], [{ done: 1, failed: 1 }, 0, 1]);
  const locked = await pastRunIn(first + BEGUN + formatRunEvent("ended", "node1", 1, 0), {
    end: "ended",
  });
  assert.deepEqual([locked.jobs.failed, locked.unread], [2, 1], "it has not begun");
});

test("inputs that could not be used for more reasons than are told apart do not make status name --retry-failed", async () => {
  const inputs = Array.from({ length: 1_500 }, (_, job) => unused(`${job}`, `cannot read ${job}`));
  const past = await pastRunIn(BEGUN + inputs.join("") + ended(0, 1_500), { end: "ended" });
  assert.equal(past.unread, 1_500);
  const lines = pastRunLines(past);
  assert.deepEqual(lines.slice(-2), [
    "  failed: 981 more, see the journal",
    "repeat its command once these inputs can be used",
  ]);
  assert.equal(lines.length, 1 + 20 + 2);
});

async function pastRunOf(records: readonly JobRecord[]): Promise<PastRun> {
  return await pastRunIn(`${records.map(line).join("")}{"torn":\n`, { end: "killed" });
}

function line(one: JobRecord): string {
  return formatRecord(one, "0".repeat(64));
}

async function pastRunIn(lines: string, over: Pick<OverRun, "end" | "toRun">): Promise<PastRun> {
  await using workspace = await Workspace.make();
  await workspace.write("jobs.jsonl", lines);
  const { files } = await detectRuntime();
  const below = await FilesBelow.open(files, workspace.path);
  try {
    return await readPastRun(below, workspace.at("jobs.jsonl"), "/outputs", over);
  } finally {
    below.close();
  }
}

function record(input: string, error?: string): JobRecord {
  const state = error === undefined ? "done" : "failed";
  const sizes = { bytesIn: 0, bytesOut: 0, queueMs: 0, runMs: 0 };
  return {
    index: 0,
    input,
    state,
    ...(error === undefined ? {} : { error }),
    attempt: 1,
    ...sizes,
  };
}
