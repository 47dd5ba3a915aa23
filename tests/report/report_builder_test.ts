import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { figuresOf } from "../../report/figures.ts";
import { limitsOf } from "../../report/run_limits.ts";
import { test } from "../lib/test.ts";
import { BEGUN_AT, journalLine, journalOf, type RunPlan } from "./generated_journal.ts";
import { failed, limitOf, near, reportOf, reportOfRuns, sum } from "./reports.ts";

const PLAN: RunPlan = { jobs: 1000, nodes: 2, slotsPerNode: 2 };
const DAY_MS = 86_400_000;

test("a report knows when slots were busy, by slot and over time", async () => {
  const report = await reportOfRuns(journalOf(PLAN));
  assert.deepEqual([report.done, report.failed, report.runCount, report.slotsMax], [1000, 0, 1, 4]);
  assert.deepEqual(report.rows.map(({ node, slot }) => `${node} ${slot}`), [
    ...["node0 0", "node0 1", "node1 0", "node1 1"],
  ]);
  near(report.lengthMs, 25_000, 500);
  near(report.busyMs, 100_000, 1000);
  near(report.capacityMs, 4 * report.lengthMs, 1);
  near(sum(report.series.busyMs), report.busyMs, 1);
  near(sum(report.series.capacityMs), report.capacityMs, 1);
  near(report.rows.reduce((all, { busy }) => all + sum(busy.values), 0), report.busyMs, 1);
  assert.equal(sum(report.series.done), 1000);
  assert.equal(limitOf(report), "slots");
});

test("a run that was resumed days later has no break in its report, and each job counts once", async () => {
  const first = [
    ...journalOf({ ...PLAN, isKilled: true, fields: () => failed("crashed: SIGSEGV") }),
  ];
  const later = { ...PLAN, jobs: 300, begunAt: BEGUN_AT + 3 * DAY_MS };
  const once = await reportOfRuns(first);
  const report = await reportOfRuns(first, journalOf(later));
  assert.deepEqual([once.done, once.failed], [0, 1000]);
  assert.deepEqual([report.done, report.failed], [300, 700]);
  assert.deepEqual(report.failures.map(({ reason, jobs }) => [reason, jobs]), [
    ["crashed: SIGSEGV", 700],
  ]);
  assert.deepEqual(report.runs.map(({ hasEnded, jobs }) => [hasEnded, jobs]), [[false, 1000], [
    true,
    300,
  ]]);
  near(report.lengthMs, 32_500, 1000);
  near(sum(report.series.busyMs), report.busyMs, 1);
});

test("jobs whose long names differ only in the end are jobs of their own, and are shown cut", async () => {
  const name = (job: number) => `${"deep/".repeat(1_000)}${job}`;
  const report = await reportOfRuns(
    journalOf({ ...PLAN, jobs: 10, name, fields: () => failed("bad") }),
  );
  assert.deepEqual([report.done, report.failed], [0, 10]);
  const [failure] = report.failures;
  assert.deepEqual(failure?.names.map(({ length }) => length), [501, 501, 501]);
});

test("the copy of a record that a resumed run writes again is no job of that run", async () => {
  const first = [...journalOf({ ...PLAN, isKilled: true })];
  const begun = journalLine({ run: "begun", at: BEGUN_AT + DAY_MS });
  const report = await reportOfRuns([...first, begun, first[10]!, first[11]!]);
  assert.deepEqual([report.done, report.knowledge.records], [1000, 1000]);
  near(report.lengthMs, 25_000, 500);
});

test("a pack that was written anew, without lines about earlier runs, has all its runs", async () => {
  const begun = journalLine({ run: "begun", at: BEGUN_AT + 2 * DAY_MS });
  const jobs = (at: number, name: (job: number) => string) =>
    [...journalOf({ ...PLAN, jobs: 100, begunAt: at, name })].filter((line) =>
      /"input"/.test(line)
    );
  const report = await reportOfRuns([
    begun,
    ...jobs(BEGUN_AT, (job) => `a${job}`),
    ...jobs(BEGUN_AT + DAY_MS, (job) => `b${job}`),
  ]);
  assert.deepEqual([report.done, report.knowledge.records, report.runCount], [200, 200, 2]);
  near(report.lengthMs, 5_000, 500);
});

test("an old journal, with neither slots nor times, gives counts, and says that the rest is not known", async () => {
  const fields = { state: "done", bytesOut: 4, bytesIn: 9, attempt: 1, core: "c", queueMs: 0.2 };
  const lines = [1, 2, 3].map((ms) =>
    journalLine({ index: ms, input: `in${ms}`, worker: "node7:7433", runMs: ms, ...fields })
  );
  const report = await reportOfRuns(lines);
  assert.deepEqual([report.done, report.runTimes.count, report.rows.length], [3, 3, 0]);
  assert.deepEqual(report.knowledge, {
    ...{ records: 3, ended: 0, timed: 0, placed: 0, withCpu: 0, withMemory: 0, unmeasured: 3 },
    hasWorkers: false,
  });
  assert.deepEqual(report.nodes.map(({ name, jobs }) => [name, jobs]), [["node7:7433", 3]]);
  assert.equal(limitOf(report), "unknown");
});

test("damage costs the lines that it touches, and a line that is still being written is no damage", async () => {
  const lines = [...journalOf({ ...PLAN, jobs: 100 })];
  const text = Buffer.from(lines.join(""));
  text[text.indexOf("\n", 5000)] = 0x20; // the lost line feed joins two lines: the second one counts
  text[lines[0]!.length + 20]! ^= 1;
  const report = await reportOf(text.subarray(0, -5));
  assert.deepEqual([report.done, report.flaws], [99, { damaged: 2, newer: 0 }]);
  assert.equal(report.runs[0]?.hasEnded, false);
});

test("lines of a later version are counted, and wrong fields are not known instead of wrong", async () => {
  const job = {
    input: "a",
    state: "done",
    bytesIn: "9",
    runMs: -1,
    startedAt: 1e300,
    endedAt: null,
  };
  const lines = [
    journalLine({ ...job, slot: {}, node: ["x"], memoryBytes: "big", cpuMs: true, queuedAt: "x" }),
    journalLine({ run: "begun", at: "2026-01-02T12:00:00.000Z" }),
    journalLine({ worker: "joined", slots: -3, at: 5 }),
    journalLine({ input: 7, state: "done" }),
    journalLine({ input: "b", state: "unknown" }),
    journalLine({ input: "c", state: "failed", error: "", printed: [1, "text"], attempt: 0 }),
    journalLine({ run: "begun" }, 2),
  ];
  const report = await reportOfRuns(lines);
  assert.deepEqual([report.done, report.failed, report.flaws.newer], [1, 1, 1]);
  assert.equal(report.runTimes.count, 0);
  assert.deepEqual(report.failures[0]?.printed, ["text"]);
});

test("an input that could not be used hides no job of its name that is done, and counts in its run only", async () => {
  const begun = journalLine({ run: "begun", at: BEGUN_AT });
  const ended = journalLine({
    run: "ended",
    at: BEGUN_AT + 1,
    end: "complete",
    done: 1,
    failed: 2,
  });
  const done = journalLine({ input: "a", state: "done", attempt: 1 });
  const failed = journalLine({ input: "b", state: "failed", attempt: 1, error: "exit code 4" });
  const unused = ["a", "a", "c"].map((input) =>
    journalLine({ input, state: "failed", attempt: 0, error: "same output" })
  );
  const report = await reportOfRuns([begun, ...unused, done, failed, ended, begun, ...unused]);
  assert.deepEqual([report.done, report.failed, report.failuresLeftOut], [1, 4, 0]);
  const groups = report.failures.map(({ reason, jobs }) => [reason, jobs]);
  assert.deepEqual(groups, [["same output", 3], ["exit code 4", 1]]);
  const later = await reportOfRuns([begun, ...unused, done, failed, ended, begun, done]);
  assert.deepEqual([later.done, later.failed], [1, 1]);
});

test("failures are grouped by reason, with the nodes on which jobs failed, however many there are", async () => {
  const plan = { ...PLAN, jobs: 3000, runMs: () => 1 };
  const many = await reportOfRuns(journalOf({ ...plan, fields: (job) => failed(`reason ${job}`) }));
  assert.deepEqual([many.failures.length, many.failuresLeftOut, many.failed], [1000, 2000, 3000]);
  const one = await reportOfRuns(journalOf({
    ...plan,
    fields: (job, node) => node === "node1" && job % 2 === 0 ? failed("no GPU") : {},
  }));
  const alike = await reportOfRuns(journalOf({
    ...plan,
    fields: (job) => ({ ...failed(`crashed on node${job % 3}`), reason: "crashed" }),
  }));
  assert.deepEqual(alike.failures.map(({ reason, jobs }) => [reason, jobs]), [["crashed", 3000]]);
  assert.equal(one.failures[0]?.names.length, 3);
  assert.deepEqual(one.failures[0]?.nodes.map(({ name }) => name), ["node1"]);
  assert.equal(limitOf(one), "node");
});

test("slots count from when a worker joins until it leaves or its run ends", async () => {
  const joined = (node: string, slots: number, ms: number) =>
    journalLine({ worker: "joined", node, address: `${node}:7433`, slots, at: BEGUN_AT + ms });
  const reason = "connection reset";
  const report = await reportOfRuns([
    journalLine({ run: "begun", at: BEGUN_AT }),
    joined("a", 4, 0),
    joined("b", 2, 1000),
    journalLine({ worker: "left", node: "b", address: "b:7433", reason, at: BEGUN_AT + 3000 }),
    joined("a", 6, 4000), // it has come back, and nobody has seen it leave
    journalLine({ run: "ended", at: BEGUN_AT + 5000 }),
    journalLine({ run: "begun", at: BEGUN_AT + DAY_MS }),
    joined("a", 4, DAY_MS),
    journalLine({ run: "ended", at: BEGUN_AT + DAY_MS + 1000 }),
  ]);
  assert.deepEqual([report.capacityMs, report.slotsMax], [22_000 + 4_000 + 4_000, 6]);
  assert.equal(sum(report.series.capacityMs), report.capacityMs);
  assert.deepEqual(report.nodes.map(({ leftReason }) => leftReason), ["", reason]);
  assert.deepEqual(
    report.nodes.map((node) => [node.name, node.slots, node.capacityMs, node.left]),
    [
      ["a", 6, 26_000, 0],
      ["b", 2, 4_000, 1],
    ],
  );
});

test("one long job at the end is what limits a run, and it is named", async () => {
  const runMs = (job: number) => job === 990 ? 20_000 : 100;
  const report = await reportOfRuns(journalOf({ ...PLAN, runMs }));
  assert.equal(report.longest[0]?.name, "inputs/990.dat");
  assert.deepEqual(limitsOf(figuresOf(report, false))[0], {
    kind: "straggler",
    name: "inputs/990.dat",
  });
  assert.equal(
    limitsOf(figuresOf(report, true))[0]?.kind !== "straggler",
    true,
    "not while it goes on",
  );
});

test("on two slots, a straggler is seen although only one of them is idle", async () => {
  const runMs = (job: number) => job === 195 ? 10_000 : 100;
  const report = await reportOfRuns(journalOf({ ...PLAN, jobs: 200, nodes: 1, runMs }));
  assert.equal(limitOf(report), "straggler");
});

test("inputs that come slowly are what limits a run, and so are short jobs", async () => {
  const slow = await reportOfRuns(journalOf({ ...PLAN, inputMs: 100 }));
  assert.equal(limitOf(slow), "inputs");
  const short = await reportOfRuns(
    journalOf({ ...PLAN, jobs: 5000, runMs: () => 0.02, gapMs: 0.2 }),
  );
  assert.equal(limitOf(short), "short jobs");
  const far = await reportOfRuns(journalOf({ ...PLAN, runMs: (job) => 3 + job % 5, gapMs: 20 }));
  assert.equal(limitOf(far), "several");
  const few = await reportOfRuns(journalOf({ ...PLAN, jobs: 7, nodes: 5 }));
  assert.equal(limitOf(few), "few jobs");
});

test("where earlier attempts may have kept slots busy, nobody is told that slots were idle", async () => {
  const plan = { ...PLAN, runMs: () => 100, gapMs: 50 };
  const tried = (part: number) => (job: number) => job % part === 0 ? { attempt: 3 } : {};
  const idle = await reportOfRuns(journalOf(plan));
  const much = await reportOfRuns(journalOf({ ...plan, fields: tried(5) }));
  const little = await reportOfRuns(journalOf({ ...plan, fields: tried(100) }));
  assert.deepEqual([idle, much, little].map(({ missing }) => [missing.attempts, missing.jobs]), [
    ...[[0, 0], [400, 200], [20, 10]],
  ]);
  near(much.missing.ms, 40_000, 1);
  assert.deepEqual([idle, much, little].map(limitOf), ["several", "missing attempts", "several"]);
});

test("a timeline has each job if they are few, and only slots if they are many", async () => {
  const few = await reportOfRuns(journalOf({ ...PLAN, jobs: 4000 }));
  assert.equal(few.spans?.length, 4000);
  const many = await reportOfRuns(journalOf({ ...PLAN, jobs: 4001 }));
  assert.equal(many.spans, undefined);
});
