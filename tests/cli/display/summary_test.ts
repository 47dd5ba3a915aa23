/** Tests of the summary, as text and as JSON. */

import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { summaryJson, summaryText } from "../../../cli/display/summary.ts";
import type { WrongWorker } from "../../../controller/cluster/verified_counts.ts";
import { FailureGroups } from "../../../controller/failure_groups.ts";
import type { Failure, RunStatus } from "../../../controller/run.ts";
import { core } from "../../lib/cores.ts";
import { test } from "../../lib/test.ts";
import { statusWith } from "../statuses.ts";
import { SharedWorker } from "../shared_worker.ts";
import { Workspace } from "../workspace.ts";

const ECHO = await core("echo");
const BEHAVE = await core("behave");
const WORKER = await SharedWorker.start(ECHO);
const RETRY = "repeat the command with --retry-failed to retry failed jobs";
const DONE = statusWith({ done: 1000 });

test("the summary of a successful run has two lines", () => {
  assert.equal(
    textOf(DONE),
    "1,000 jobs done in 10s, outputs in out\n" +
      "100 jobs/s · 500 kB in, 1.5 MB out · 200 kB/s · slots 97% busy",
  );
});

test("the summary of a run in which no input could be read has no rates", () => {
  const failures = [{ name: "a", reason: "gone" }];
  const ran = { bytesIn: 0, bytesOut: 0, busyPart: 0 };
  const lines = textOf(statusWith({ done: 0, failed: 1, total: 1, failures, ...ran })).split("\n");
  assert.match(lines[0] ?? "", /^0 of 1 job done, 1 failed/);
  assert.equal(lines[1], "Failed:");
});

test("the summary says what jobs took in the core, if their slots have measured it", () => {
  const times = {
    ...{ jobs: 1000, medianMs: 12.34, p95Ms: 41, maxMs: 1_234 },
    ...{ cpuPart: 3.98, memoryBytesMax: 61_200_000 },
  };
  const lineOf = (changes: Partial<typeof times>) =>
    textOf(statusWith({ done: 1000, times: { ...times, ...changes } })).split("\n")[2];
  assert.equal(
    lineOf({}),
    "time in the core: median 12ms, 95% within 41ms, longest 1.2s · CPU 398% · memory at most 61.2 MB",
  );
  assert.equal(
    lineOf({ jobs: 1, cpuPart: 1 }),
    "time in the core: 12ms · CPU 100% · memory at most 61.2 MB",
  );
});

test("the summary has the number of failures, their names and reasons, and the journal's path", () => {
  const failures = [{ name: "short", reason: "exit code 1" }, { name: "a/longer", reason: "gone" }];
  const lines = textOf(statusWith({ done: 998, failed: 2, failures })).split("\n");
  assert.equal(lines[0], "998 of 1,000 jobs done, 2 failed, in 10s, outputs in out");
  assert.deepEqual(lines.slice(2), [
    "Failed:",
    "  short     exit code 1",
    "  a/longer  gone",
    "  (all jobs: out/.distcomp/jobs.jsonl)",
    RETRY,
  ]);
});

test("a reason that many jobs share is shown once, with an example and their number", () => {
  const failures = [...failuresOf(3, "rare"), ...failuresOf(4, "common")];
  const lines = textOf(statusWith({ done: 993, failed: 7, failures })).split("\n");
  assert.deepEqual(lines.slice(3, -2), [
    "  0 and 3 more  common",
    "  0             rare",
    "  1             rare",
    "  2             rare",
  ]);
});

test("failures that are not listed are counted, with the journal's path", () => {
  const failures = failuresOf(20);
  const lines = textOf(statusWith({ done: 0, failed: 1020, total: 1020, failures })).split("\n");
  assert.deepEqual(lines.slice(3), [
    "  0 and 19 more  reason",
    "  and 1,000 more failed jobs, see out/.distcomp/jobs.jsonl",
    RETRY,
  ]);
});

test("with many reasons, each of the 20 first has one line, and the jobs of others are counted", () => {
  const reasons = Array.from({ length: 25 }, (_, index) => `reason ${index}`);
  const failures = reasons.flatMap((reason) => failuresOf(2, reason));
  const lines = textOf(statusWith({ done: 950, failed: 50, failures })).split("\n").slice(3);
  assert.equal(lines.length, 22);
  assert.equal(lines[0], "  0 and 1 more  reason 0");
  assert.equal(lines[20], "  and 10 more failed jobs, see out/.distcomp/jobs.jsonl");
});

test("the summary says on how many jobs two workers agree, and what else verification has found", () => {
  const lineOf = (agreed: number, split: number, outvoted: number) =>
    textOf(statusWith({ done: 1000, verified: { agreed, split, outvoted, wrongWorkers: [] } }))
      .split("\n")[2];
  assert.equal(
    lineOf(50, 0, 0),
    "verified: 50 of 1,000 jobs, with the same output on two workers",
  );
  assert.equal(
    lineOf(998, 2, 1),
    "verified: 998 of 1,000 jobs, with the same output on two workers; no two workers agree on 2 " +
      "jobs; 1 output of single workers dropped as wrong",
  );
});

test("the summary says which workers gave wrong outputs, and how to look at their others", () => {
  const doubted = {
    worker: "node7:7433",
    nodes: ["node7", "it's"],
    outvoted: 2,
    unverified: 1_234,
  };
  const found = { worker: "node8:7433", nodes: ["node8"], outvoted: 1, unverified: 0 };
  const linesOf = (...wrongWorkers: WrongWorker[]) => {
    const verified = { agreed: 50, split: 0, outvoted: 3, wrongWorkers };
    return textOf(statusWith({ done: 1000, verified })).split("\n").slice(3);
  };
  assert.deepEqual(linesOf(found, doubted), [
    "worker node7:7433 gave 2 wrong outputs; 1,234 other outputs of it were accepted unverified",
    "worker node8:7433 gave 1 wrong output",
    `  to name unverified outputs: jq -r 'select(.state == "done" and .node == ("node7","it'\\''s") ` +
    "and (.verified | not)).input' out/.distcomp/jobs.jsonl",
    "  to run these jobs again: remove their outputs, and repeat the command (without --fresh)",
  ]);
  assert.deepEqual(linesOf(found), ["worker node8:7433 gave 1 wrong output"]);
  const many = linesOf(...Array(12).fill(doubted));
  assert.equal(many[10], "2 more workers gave wrong outputs");
});

test("the summary says how many jobs of earlier runs verification has not checked", () => {
  const counts = { agreed: 5, split: 0, outvoted: 0, wrongWorkers: [] };
  const linesOf = (skippedDone: number, done: number, verified = counts) =>
    textOf(statusWith({ done, skippedDone, total: done, verified })).split("\n");
  const resumed = "--verify has not checked 2 jobs of earlier runs; --fresh runs them again";
  assert(linesOf(2, 7).includes(resumed));
  assert.equal(linesOf(2, 2).at(-1), resumed);
  assert.equal(
    linesOf(1, 1).at(-1),
    "--verify has not checked 1 job of earlier runs; --fresh runs it again",
  );
  assert.doesNotMatch(linesOf(0, 5).join("\n"), /has not checked/);
});

test("the summary of a run without new jobs says so, and has no figures", () => {
  const before = (done: number, failed: number) =>
    textOf(statusWith({
      done,
      skippedDone: done,
      failed,
      skippedFailed: failed,
      total: done + failed,
      failures: failuresOf(failed),
    })).split("\n");
  assert.deepEqual(before(6, 0), [
    "nothing to do: all 6 jobs finished in earlier runs, outputs in out",
  ]);
  assert.deepEqual(before(1, 0), [
    "nothing to do: the job finished in an earlier run, outputs in out",
  ]);
  assert.equal(
    before(6, 2)[0],
    "nothing to do: of 8 jobs, 6 finished and 2 failed in earlier runs, outputs in out",
  );
  assert.equal(before(0, 2)[0], "nothing to do: all 2 failed in earlier runs, outputs in out");
  assert.deepEqual(before(6, 2).slice(-2), ["  (2 failed in an earlier run)", RETRY]);
  assert.deepEqual(before(0, 0), ["nothing to do: there are no inputs"]);
});

test("jobs of earlier runs count as done, but not in the rate", () => {
  assert.equal(
    textOf(statusWith({ done: 1000, skippedDone: 400 })),
    "1,000 jobs done in 10s (400 from earlier runs), outputs in out\n" +
      "60 jobs/s · 500 kB in, 1.5 MB out · 200 kB/s · slots 97% busy",
  );
  const failures = failuresOf(2);
  const failed = statusWith({ done: 998, skippedDone: 900, failed: 2, skippedFailed: 1, failures });
  const lines = textOf(failed).split("\n");
  assert.equal(
    lines[0],
    "998 of 1,000 jobs done (900 from earlier runs), 2 failed, in 10s, outputs in out",
  );
  assert.match(lines[1] ?? "", /^9\.9 jobs\/s /);
  assert.deepEqual(lines.slice(-2), ["  (1 failed in an earlier run)", RETRY]);
  const { resumed, failedBefore, jobsPerSecond } = JSON.parse(
    summaryJson(failed, "out", undefined),
  );
  assert.deepEqual([resumed, failedBefore, jobsPerSecond], [900, 1, 9.9]);
});

test("the summary of a run that ended early has the number of jobs done, and the total if known", () => {
  assert.match(textOf(statusWith()), /^500 of 1,000 jobs done, in 10s/);
  assert.match(textOf(statusWith({ total: undefined })), /^500 jobs done, in 10s/);
  assert.match(textOf(statusWith({ done: 1, total: undefined })), /^1 job done, in 10s/);
});

test("a long name does not move the other reasons to the right, and no name is cut", () => {
  const long = "x".repeat(100);
  const failures = [{ name: long, reason: "one" }, { name: "y", reason: "two" }];
  const lines = textOf(statusWith({ done: 998, failed: 2, failures })).split("\n");
  assert.equal(lines[3], `  ${long}  one`);
  assert.equal(lines[4], `  ${"y".padEnd(40)}  two`);
});

test("control characters in names and reasons do not reach the terminal", () => {
  const failures = [{ name: "new\nline", reason: "\u001b[2J\u0007gone" }];
  const lines = textOf(statusWith({ done: 999, failed: 1, failures })).split("\n");
  assert.equal(lines[3], "  new line   gone");
});

test("a long name is cut off in the list of failures", () => {
  const failures = [{ name: "n".repeat(5_000), reason: "why" }];
  const lines = textOf(statusWith({ done: 999, failed: 1, failures })).split("\n");
  assert.equal(lines[3], `  ${"n".repeat(300)} …  why`);
});

/** What would set the title of a terminal, begin a sequence on it, and change the order of what follows. */
const HOSTILE = "o\u001b]0;title\u0007\u009b1m\u202e";

test("the name of the output folder and of the journal reach no terminal as they are", () => {
  const failed = statusWith({ done: 999, failed: 1, failures: failuresOf(1) });
  const skipped = statusWith({ done: 1000, failed: 0, skippedDone: 1000 });
  for (const status of [DONE, failed, skipped]) {
    const text = stripVTControlCharacters(summaryText(status, HOSTILE));
    // deno-lint-ignore no-control-regex -- this is what must not be there
    assert(!/[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(text), JSON.stringify(text));
    assert.match(text, /outputs in o/);
  }
});

test("the JSON is one object on one line, with exact numbers", () => {
  const failures = failuresOf(1);
  const json = summaryJson(statusWith({ done: 999, failed: 1, failures }), "out", undefined);
  assert(!json.includes("\n"));
  assert.deepEqual(JSON.parse(json), {
    jobs: 1000,
    total: 1000,
    done: 999,
    failed: 1,
    resumed: 0,
    failedBefore: 0,
    seconds: 10,
    jobsPerSecond: 100,
    bytesIn: 500_000,
    bytesOut: 1_500_000,
    slotsBusy: 0.97,
    times: null,
    faults: { exitCodes: 0, crashes: 0, timeouts: 0, memory: 0, lost: 0 },
    verified: null,
    workers: 2,
    slots: 16,
    outputs: "out",
    record: "out/.distcomp/jobs.jsonl",
    failures,
    failuresLeftOut: 0,
    reasons: [],
    env: {},
    with: [],
  });
  assert.equal(JSON.parse(summaryJson(DONE, "out", "Interrupted")).error, "Interrupted");
});

test("the JSON has no characters that control a terminal, and says the same", () => {
  const json = summaryJson(DONE, HOSTILE, undefined);
  assert(json.includes("\\u009b1m\\u202e"), json);
  assert.equal(JSON.parse(json).outputs, HOSTILE);
});

test("--json prints one JSON object on stdout, and nothing else there", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "echo four", "in/b": "code 2 bad" });
  const run = await workspace.run(["run", BEHAVE, "in", "--json"]);
  assert.equal(run.code, 1, run.stderr);
  assert.match(run.stdout, /^\{.*\}\n$/);
  const summary = JSON.parse(run.stdout);
  assert.deepEqual(summary.failures, [{ name: "b", reason: "exit code 2: bad" }]);
  assert.deepEqual(
    [summary.jobs, summary.done, summary.failed, summary.bytesIn, summary.bytesOut],
    [2, 1, 1, 19, 7],
  );
});

test("--quiet prints nothing when all goes well", async () => {
  await using workspace = await Workspace.make(WORKER);
  const run = await workspace.run(["run", ECHO, "--repeat", "3", "--quiet"]);
  assert.deepEqual(run, { code: 0, stdout: "", stderr: "" });
});

test("--quiet prints one line if jobs have failed", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("lines", "echo a\ncode 1\n");
  const run = await workspace.run(["run", BEHAVE, "--lines", "lines", "--quiet"]);
  const stderr = "distcomp: 1 of 2 jobs failed; see outputs/.distcomp/jobs.jsonl\n";
  assert.deepEqual(run, { code: 1, stdout: "", stderr });
});

test("lines that a core prints go to stderr, unless --quiet", async () => {
  await using workspace = await Workspace.make();
  const printing = await core("init_prints");
  const run = await workspace.run(["run", printing, "--repeat", "1", "--slots", "1"]);
  assert.match(run.stderr, /^core: init_prints: version 1$/m);
  assert(!run.stdout.includes("init_prints"));
  const quiet = await workspace.run(["run", printing, "--repeat", "1", "--quiet"]);
  assert.deepEqual(quiet, { code: 0, stdout: "", stderr: "" });
});

test("without a terminal, a long run prints a progress line every few seconds", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lines", `${"echo a\n".repeat(10)}sleep 60000\n`);
  await using program = await workspace.start(["run", BEHAVE, "--lines", "lines", "--slots", "2"]);
  const line = /^(9|10)\/11 jobs, (\S+ left, )?[\d.]+ jobs\/s, 1 worker, 2 slots$/m;
  await program.printed("stderr", line);
  program.signal("SIGINT");
  await program.printed("stderr", /finishing/);
  program.signal("SIGINT");
  await program.exited;
  assert(!program.stderr.includes("\u001b"), "there are no colors and no cursor movements");
});

test("there are no colors without a terminal, unless FORCE_COLOR asks for them", async () => {
  await using workspace = await Workspace.make(WORKER);
  const args = ["run", ECHO, "--repeat", "3"];
  const plain = await workspace.run(args, { env: { NO_COLOR: undefined } });
  assert(!plain.stdout.includes("\u001b"));
  const insisted = await workspace.run([...args, "--fresh"], {
    env: { NO_COLOR: undefined, FORCE_COLOR: "1" },
  });
  assert.equal(stripVTControlCharacters(insisted.stdout).split(" in ")[0], "3 jobs done");
});

test("after --fresh, the summary does not advise to repeat it, which would run all jobs again", () => {
  const failures = failuresOf(2);
  const next = (unread: number) =>
    textOf(statusWith({ done: 1, failed: 2, total: 3, unread, failures }), true).split("\n").at(-1);
  assert.equal(
    next(1),
    "repeat the command with --retry-failed instead of --fresh to retry failed jobs",
  );
  assert.equal(next(2), "repeat the command without --fresh once these inputs can be used");
});

function textOf(status: RunStatus, isFresh?: boolean): string {
  const groups = new FailureGroups();
  for (const { name, reason } of status.failures) groups.add(name, reason);
  const shown = { ...status, failureGroups: groups.all };
  return stripVTControlCharacters(summaryText(shown, "out", undefined, undefined, isFresh));
}

function failuresOf(count: number, reason = "reason"): Failure[] {
  return Array.from({ length: count }, (_, index) => ({ name: `${index}`, reason }));
}
