/** What `distcomp bench` concludes from its figures, and how it shows them. */

import assert from "node:assert/strict";
import { costOf, type WorkerFigures } from "../../../cli/bench/bench_figures.ts";
import { adviceText, figuresText } from "../../../cli/bench/bench_report.ts";
import { formatMeasured } from "../../../system/format.ts";
import { test } from "../../lib/test.ts";

const FIGURES: WorkerFigures = {
  worker: "node7:7433",
  slots: 2,
  roundTripMs: 0.12,
  jobMs: 0.2,
  jobsPerSecond: 20_000,
  coreMs: undefined,
  inputBytes: 64,
  outputBytes: 64,
  exitCode: 0,
};

function advice(coreMs: number | undefined, changes: Partial<WorkerFigures> = {}): string {
  const figures = { ...FIGURES, ...changes };
  return adviceText(figures, costOf(figures, coreMs));
}

test("the advice for short jobs is to put so many in one input that distcomp adds at most 5 %", () => {
  assert.equal(
    advice(0.04),
    "jobs take 40µs in the core, and distcomp adds 60µs: put 50 in one input; " +
      "if each must be a job, use --lines, which reads one file instead of many",
  );
  assert.match(advice(0.0005), /put 5,000 in one input/);
  assert.match(advice(0.0000001), /put 100,000 in one input/);
});

test("the advice for jobs to which distcomp adds at most 5 % is to leave them as they are", () => {
  const rare = { jobsPerSecond: 20, slots: 2 };
  assert.equal(advice(99, rare), "jobs take 99ms, and distcomp adds 1%: nothing to gain");
  assert.equal(
    advice(99.9, rare),
    "jobs take 100ms, and distcomp adds less than 1%: nothing to gain",
  );
});

test("the advice for jobs that mostly move bytes is to move fewer", () => {
  assert.equal(
    advice(0.5, { jobsPerSecond: 500, inputBytes: 1_000_000, outputBytes: 1_000_000 }),
    "jobs take 500µs in the core, and distcomp adds 3.5ms, mostly to move their 2 MB: " +
      "make inputs and outputs smaller, or do more with each",
  );
});

test("jobs that fail get no advice: they say nothing of those that succeed", () => {
  const failed = advice(0.04, { exitCode: 1 });
  assert.equal(failed, "jobs take 40µs in the core, and distcomp adds 60µs");
});

test("a core that cannot be tried on this machine still gets advice", () => {
  assert.match(
    advice(undefined),
    /^jobs take 100µs, with what distcomp adds: put 20 in one input/,
  );
  assert.match(advice(undefined, { jobsPerSecond: 20 }), /: nothing to gain$/);
});

test("a worker that is faster than this machine spends no more in the core than a job takes there", () => {
  assert.deepEqual(costOf(FIGURES, 5), { slotMs: 0.1, coreMs: 0.1, addedMs: 0 });
  const measured = costOf({ ...FIGURES, coreMs: 0.06 }, 5);
  assert.deepEqual([measured.coreMs, measured.slotMs], [0.06, 0.1], "what the worker has measured");
});

test("figures are a table where it fits, and a list elsewhere", () => {
  const other = { ...FIGURES, worker: "a", roundTripMs: undefined };
  const [head, first, second] = figuresText([FIGURES, other], 0.04, 120).split("\n");
  assert.match(head ?? "", /^worker +slots +round trip +one job +jobs\/s .*distcomp adds$/);
  assert.match(first ?? "", /^node7:7433 +2 +120µs +200µs +20,000 +1.28 +1.28 +40µs +60µs$/);
  assert.match(second ?? "", /^a +2 +unknown /);
  const list = figuresText([FIGURES, other], 0.04, 60);
  assert.match(list, /^node7:7433\n {2}slots +2\n {2}round trip +120µs\n[^]*\n\na\n/);
  assert(list.split("\n").every((line) => line.length <= 60), list);
});

test("short times have two digits and a unit that fits", () => {
  const times = [0.0004, 0.04, 0.999, 1.34, 120, 2500].map(formatMeasured);
  assert.deepEqual(times, ["400ns", "40µs", "1ms", "1.3ms", "120ms", "2.5s"]);
});
