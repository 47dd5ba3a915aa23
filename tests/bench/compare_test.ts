/** The comparison with other systems: what it measures, in which order, and what becomes of that. */

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chartOf } from "../../bench/chart.ts";
import type { Entry } from "../../bench/contestants/contestant.ts";
import { measureAll, medianOf, type Open } from "../../bench/measurement.ts";
import { outputOf, ROOT, sourceCommand } from "../../bench/programs.ts";
import { type Result, type Results, resultsOf, tableOf } from "../../bench/results.ts";
import { test } from "../lib/test.ts";

/** A contestant that writes down when it is measured. */
function contestant(name: string, rates: readonly number[], log: string[]): Open {
  const left = [...rates];
  const entry: Entry = { name, group: "peer", what: "", open: () => Promise.reject() };
  const rate = () => {
    log.push(name);
    const next = left.shift();
    return next === undefined ? Promise.reject(new Error("worn out")) : Promise.resolve(next);
  };
  return { entry, contestant: { measure: { kind: "time", rate } } };
}

const EFFORT = { rounds: 3, seconds: 1 };
const QUIET = { onMeasured: () => {}, onFailed: () => {} };

test("contestants are measured in turn, and their medians are compared", async () => {
  const log: string[] = [];
  const all = [contestant("one", [10, 99, 20], log), contestant("other", [40, 1, 50], log)];
  const series = await measureAll(all, 64, EFFORT, QUIET);
  assert.deepEqual(log, ["one", "other", "one", "other", "one", "other"]);
  const results = resultsOf(series, all.map(({ entry }) => entry), "one");
  assert.deepEqual(results.map(({ name, jobs_per_s, ratio }) => [name, jobs_per_s, ratio]), [
    ["one", 20, 1],
    ["other", 40, 2],
  ]);
  assert.equal(medianOf([3, 1]), 2);
});

test("a contestant that fails is named, and the others are measured all the same", async () => {
  const log: string[] = [];
  const all = [contestant("weak", [10], log), contestant("strong", [1, 2, 3], log)];
  const failed: string[] = [];
  const onFailed = (name: string) => failed.push(name);
  const series = await measureAll(all, 64, EFFORT, { ...QUIET, onFailed });
  assert.deepEqual(failed, ["weak"]);
  assert.deepEqual(series.map(({ name, jobsPerSecond }) => [name, jobsPerSecond]), [
    ["strong", [1, 2, 3]],
  ]);
});

test("a contestant runs as many jobs as take the time of a measurement", async () => {
  const counts: number[] = [];
  const run = (jobs: number) => {
    counts.push(jobs);
    return Promise.resolve(jobs / 1000); // 1,000 jobs a second
  };
  const entry: Entry = { name: "one", group: "peer", what: "", open: () => Promise.reject() };
  const one: Open = { entry, contestant: { measure: { kind: "jobs", run } } };
  const [series] = await measureAll([one], 64, EFFORT, QUIET);
  assert.deepEqual(counts, [50, 1000, 1000, 1000, 1000]);
  assert.deepEqual(series?.jobsPerSecond, [1000, 1000, 1000]);
});

test("the start of a whole program is taken off its runs, and shown beside its rate", async () => {
  const run = (jobs: number) => Promise.resolve(0.5 + (jobs - 1) / 1000);
  const entry: Entry = { name: "one", group: "distcomp", what: "", open: () => Promise.reject() };
  const one: Open = {
    entry,
    contestant: { measure: { kind: "whole runs", run, jobs: () => 101 } },
  };
  const series = await measureAll([one], 64, EFFORT, QUIET);
  const [result] = resultsOf(series, [entry], "one");
  assert.deepEqual([result?.jobs_per_s, result?.start_s], [1000, 0.5]);
  const [head = "", , row = ""] = tableOf({ ...resultsWith([]), results: [result as Result] })
    .split("\n");
  assert.match(head, /\| start +\|$/);
  assert.match(row, /\| 0.50 s +\|$/);
});

test("the chart has a bar for each result, on a logarithmic scale", () => {
  const svg = chartOf(resultsWith([["MPI", 1], ["fast & small", 10], ["slow", 0.1]]));
  const widths = [...svg.matchAll(/<rect .*?width="([\d.]+)"/g)].map(([, width]) => Number(width));
  assert.equal(widths.length, 3);
  const [one = 0, ten = 0, tenth = 0] = widths;
  assert(Math.abs((ten - one) - (one - tenth)) < 0.2, `${widths}`);
  assert(svg.includes(">fast &amp; small<"));
});

test("the table has a row for each contestant, and both jobs and bytes per second", () => {
  const lines = tableOf(resultsWith([["MPI", 1], ["slow", 0.1]])).split("\n");
  assert.equal(lines.length, 4);
  assert.match(lines[0] ?? "", /^\| MPI = 1 \| 64 B/);
  assert.match(lines[3] ?? "", /^\| slow +\| 0.1 +\| 1,000 jobs\/s/);
});

test("the comparison writes its results, the machine and what is missing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "dc-compare-"));
  try {
    const file = join(folder, "results.json");
    const script = [...sourceCommand().slice(0, -1), join(ROOT, "bench/compare.ts")];
    const few = ["--rounds=1", "--seconds=0.05", "--sizes=64,65536"];
    const args = ["--only", "core loop,TCP,worker in C", ...few];
    const printed = await outputOf([...script, ...args, "-o", file]);
    const results = JSON.parse(await readFile(file, "utf8")) as Results;
    assert.deepEqual(results.results.map(({ name, bytes }) => `${name}, ${bytes}`), [
      "core loop, 64",
      "TCP echo, 64",
      "core loop, 65536",
      "TCP echo, 65536",
      "worker in C, 65536",
    ]);
    assert.equal(results.compared_with, "TCP echo");
    assert(results.machine.cpus > 0);
    assert.deepEqual([results.missing, results.failed], [{}, {}]);
    assert.match(printed, /\| core loop +\| [\d.]+/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

function resultsWith(ratios: readonly (readonly [string, number])[]): Results {
  const results = ratios.map(([name, ratio]): Result => ({
    name,
    group: "peer",
    what: "",
    bytes: 64,
    jobs_per_s: 10_000 * ratio,
    mb_per_s_each_way: 0.64 * ratio,
    ratio,
    spread: [1, 1],
  }));
  return {
    measured_at: "2027-01-01T00:00:00Z",
    commit: "c",
    machine: { system: "s", cpu: "a CPU", cpus: 2, memory_gb: 8, load: [0, 0] },
    rounds: 1,
    seconds_per_measurement: 1,
    compared_with: "MPI",
    missing: {},
    failed: {},
    results,
  };
}
