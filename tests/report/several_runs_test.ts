/** What a report counts over several runs, and of workers that come and leave. */

import assert from "node:assert/strict";
import { figuresOf } from "../../report/figures.ts";
import { limitsOf } from "../../report/run_limits.ts";
import { test } from "../lib/test.ts";
import { BEGUN_AT, journalLine, journalOf, type RunPlan } from "./generated_journal.ts";
import { failed, limitOf, near, reportOfRuns, sum } from "./reports.ts";

const PLAN: RunPlan = { jobs: 1000, nodes: 2, slotsPerNode: 2 };
const DAY_MS = 86_400_000;

test("slots of a run without lines about its workers count from the jobs that they ran", async () => {
  const begunAt = BEGUN_AT + DAY_MS;
  const resumed = journalOf({ ...PLAN, jobs: 40, begunAt, name: (job) => `later${job}` });
  const first = journalOf({ ...PLAN, hasWorkerLines: false });
  const report = await reportOfRuns(first, resumed);
  near(report.capacityMs, 4 * report.lengthMs, 1);
  near(sum(report.series.capacityMs), report.capacityMs, 1);
  assert(report.busyMs <= report.capacityMs, `${report.busyMs} of ${report.capacityMs}`);
  assert.deepEqual([report.slotsMax, report.knowledge.hasWorkers], [4, false]);
  const nodeMs = report.nodes.map(({ capacityMs }) => capacityMs);
  near(nodeMs.reduce((all, ms) => all + ms), report.capacityMs, 1);
  const later = { ...PLAN, jobs: 200, begunAt, name: (job: number) => `later${job}` };
  const behind = await reportOfRuns(
    journalOf(PLAN),
    journalOf({ ...later, hasWorkerLines: false }),
  );
  near(behind.capacityMs, 4 * behind.lengthMs, 1);
});

test("each run of a pack that was written anew and then resumed counts with its own slots", async () => {
  const jobs = (at: number, name: string, nodes: number) =>
    [...journalOf({ ...PLAN, jobs: 200, nodes, begunAt: at, name: (job) => `${name}${job}` })]
      .filter((line) => /"input"/.test(line));
  const report = await reportOfRuns(
    [journalLine({ run: "begun", at: BEGUN_AT + DAY_MS })],
    jobs(BEGUN_AT, "a", 2),
    jobs(BEGUN_AT + DAY_MS, "b", 1),
    [journalLine({ run: "ended", at: BEGUN_AT + DAY_MS + 10_200 })],
    journalOf({ ...PLAN, jobs: 100, begunAt: BEGUN_AT + 2 * DAY_MS, name: (job) => `c${job}` }),
  );
  assert.equal(report.runCount, 3);
  const slots = [4, 2, 4];
  const capacitiesMs = report.runs.map(({ lengthMs }, run) => lengthMs * (slots[run] as number));
  near(report.capacityMs, capacitiesMs.reduce((all, ms) => all + ms), 1);
  assert(report.busyMs <= report.capacityMs, `${report.busyMs} of ${report.capacityMs}`);
});

test("a job that fails again is named once, and its nodes and what it printed are those of the last time", async () => {
  const plan = { ...PLAN, jobs: 3, nodes: 1, slotsPerNode: 1 };
  const failing = (run: number) =>
    journalOf({
      ...plan,
      begunAt: BEGUN_AT + run * DAY_MS,
      fields: () => ({ ...failed("no GPU"), node: `node${run}`, printed: [`run ${run}`] }),
    });
  const report = await reportOfRuns(failing(0), failing(1), failing(2));
  assert.deepEqual([report.failed, report.knowledge.records], [3, 9]);
  const [group] = report.failures;
  assert.deepEqual(group?.names, ["inputs/0.dat", "inputs/1.dat", "inputs/2.dat"]);
  assert.deepEqual(group?.nodes, [{ name: "node2", jobs: 3 }]);
  assert.deepEqual(group?.printed, ["run 2"]);
  const repaired = journalOf({ ...plan, jobs: 1, begunAt: BEGUN_AT + 3 * DAY_MS });
  const later = await reportOfRuns(failing(0), repaired);
  assert.deepEqual(later.failures[0]?.names, ["inputs/1.dat", "inputs/2.dat"]);
});

test("failures count by kind as jobs have ended in the end, also those of reasons without a group", async () => {
  const killed = (job: number) => ({ ...failed(`used ${job} bytes`), cause: "memory" });
  const plan = { ...PLAN, jobs: 1500, runMs: () => 1, fields: killed };
  const once = await reportOfRuns(journalOf(plan));
  assert.deepEqual([...once.causes], [["memory", 1500]]);
  const later = { ...plan, jobs: 1200, begunAt: BEGUN_AT + DAY_MS, fields: () => ({}) };
  const twice = await reportOfRuns(journalOf(plan), journalOf(later));
  assert.deepEqual([...twice.causes], [["memory", 300]]);
  assert.deepEqual([twice.failuresLeftOut, twice.failures.length], [300, 0]);
  const alike = { ...plan, nodes: 1, fields: () => failed("no GPU") };
  const [group] = (await reportOfRuns(journalOf(alike), journalOf(later))).failures;
  assert.deepEqual(group?.nodes, [{ name: "node0", jobs: 300 }]);
});

test("slots that have left are not idle, and those of a later run on a smaller cluster are not either", async () => {
  const large = journalOf({ ...PLAN, jobs: 400, nodes: 20 });
  const small = journalOf({ ...PLAN, jobs: 400, nodes: 1, begunAt: BEGUN_AT + DAY_MS });
  const report = await reportOfRuns(large, small);
  assert.equal(limitOf(report), "slots");
  assert(figuresOf(report, false).tailMs < 1000);
  const halfMs = 1_100;
  const left = Array.from({ length: 19 }, (_, node) => {
    const name = `node${node + 1}`;
    const line = { worker: "left", node: name, address: `${name}:7433`, reason: "drained" };
    return journalLine({ ...line, at: BEGUN_AT + halfMs });
  });
  const rest = journalOf({ ...PLAN, jobs: 40, nodes: 1, begunAt: BEGUN_AT + halfMs });
  const shrunk = await reportOfRuns(
    journalOf({ ...PLAN, jobs: 400, nodes: 20, isKilled: true }),
    left,
    [...rest].filter((line) => /"(input|ended)"/.test(line)),
  );
  assert(shrunk.lengthMs > 3_000);
  assert(figuresOf(shrunk, false).tailMs < 300, "the slots that are there are busy to the end");
});

test("runs are on this machine alone if no worker has another address", async () => {
  const joined = (...addresses: readonly string[]) =>
    reportOfRuns(
      addresses.map((address) =>
        journalLine({ worker: "joined", node: "vm", address, slots: 2, at: BEGUN_AT })
      ),
    );
  const [own, other] = ["this machine", "node7:7433"];
  const reports = [await joined(own, own), await joined(own, other), await joined(other, own)];
  assert.deepEqual(reports.map(({ isOnThisMachine }) => isOnThisMachine), [true, false, false]);
  assert.equal((await joined()).isOnThisMachine, false, "nobody knows");
});

test("a time without any worker is what limits a run, and why it left is said", async () => {
  const jobs = journalOf({ ...PLAN, nodes: 1, slotsPerNode: 4, isKilled: true });
  const left = { worker: "left", node: "node0", address: "node0:7433", reason: "host is down" };
  const report = await reportOfRuns(
    jobs,
    [
      journalLine({ ...left, at: BEGUN_AT + 25_500 }),
      journalLine({ run: "ended", at: BEGUN_AT + 60_000 }),
    ],
  );
  near(report.lackMs, 34_500, 1);
  const oneOfTwo = await reportOfRuns(
    journalOf({ ...PLAN, isKilled: true }),
    [journalLine({ ...left, at: BEGUN_AT + 5_000 })],
    [journalLine({ run: "ended", at: BEGUN_AT + 60_000 })],
  );
  assert.equal(oneOfTwo.lackMs, 0, "another one is there");
  assert.deepEqual(limitsOf(figuresOf(report, false)).map(({ kind }) => kind), [
    "no worker",
    "slots",
  ]);
});

test("the beginning that counts is that of the first run, and the end that of the last one that ran jobs", async () => {
  const plan = { ...PLAN, jobs: 200 };
  const begunAt = BEGUN_AT + DAY_MS;
  const waits = (at: number) => [
    journalLine({ run: "begun", at }),
    ...[...journalOf({ ...plan, begunAt: at + 5_000 })].filter((line) => !/"begun"/.test(line)),
  ];
  const headOf = async (...runs: Iterable<string>[]) =>
    figuresOf(await reportOfRuns(...runs), false).headMs;
  near(await headOf(waits(BEGUN_AT), journalOf({ ...plan, begunAt })), 5_000, 100);
  near(await headOf(journalOf(plan), waits(begunAt)), 0, 100);
  const nothing = ["begun", "ended"].map((run, index) =>
    journalLine({ run, at: begunAt + 10_000 * index })
  );
  const report = await reportOfRuns(journalOf(plan), nothing);
  assert(report.lengthMs > 14_000);
  near(figuresOf(report, false).tailMs, 0, 300);
  const runMs = (job: number) => job === 190 ? 20_000 : 100;
  const straggling = await reportOfRuns(journalOf({ ...plan, runMs }), nothing);
  assert.equal(limitOf(straggling), "straggler");
});
