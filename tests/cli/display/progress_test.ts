/** Tests of the progress display. */

import assert from "node:assert/strict";
import { progressBar, progressText } from "../../../cli/display/progress_text.ts";
import { RunRate } from "../../../watch/run_rate.ts";
import { StatusLine, type Terminal } from "../../../cli/terminal/status_line.ts";
import type { RunStatus } from "../../../controller/run.ts";
import fc from "../../lib/properties.ts";
import { runs } from "../../lib/random.ts";
import { test } from "../../lib/test.ts";
import { statusWith } from "../statuses.ts";

const RATE = 50;

test("a wide line has the bar and all details", () => {
  assert.equal(
    progressBar(statusWith({ failed: 3, slotsAreKnown: false }), RATE, 160),
    "███████████████░░░░░░░░░░░░░░░  50%  503/1,000 jobs  3 failed  10s left  50 jobs/s  " +
      "2 workers  ≥16 slots",
  );
});

test("a narrower line leaves out the least important first", () => {
  const status = statusWith({ failed: 3 });
  const wide = "503/1,000 jobs  3 failed  10s left  50 jobs/s  2 workers  16 slots".split("  ");
  let shown = wide.length;
  for (let columns = 160; columns >= 40; columns--) {
    const text = progressBar(status, RATE, columns).split("%  ")[1] ?? "";
    assert.deepEqual(text.split("  "), wide.slice(0, text.split("  ").length));
    assert(text.split("  ").length <= shown);
    shown = text.split("  ").length;
  }
  assert(shown < wide.length);
});

test("the number of failures goes before the bar and the percentage", () => {
  const status = statusWith({ done: 4000, failed: 130, total: 12_000 });
  const counts = "4,130/12,000 jobs  130 failed";
  const lineIn = (columns: number) => progressBar(status, RATE, columns);
  assert.equal(lineIn(44), `███░░░░░  34%  ${counts}`);
  assert.equal(lineIn(40), ` 34%  ${counts}`);
  assert.equal(lineIn(35), ` 34%  ${counts}`);
  assert.equal(lineIn(34), counts);
  assert.equal(lineIn(29), counts);
});

test("a line without a worker has no time left", () => {
  assert.doesNotMatch(progressText(statusWith({ workers: 0 }), RATE), /left/);
});

test("a run that ends says what it waits for, and no time left", () => {
  const left = { queued: 0, inFlight: 3 };
  const draining = progressText(statusWith({ ...left, phase: "draining" }), RATE);
  assert.equal(draining, "500/1,000 jobs, finishing 3 jobs, 50 jobs/s, 2 workers, 16 slots");
  const ending = progressText(statusWith({ ...left, phase: "ending", workers: 0 }), RATE);
  assert.equal(ending, "500/1,000 jobs, ending");
});

test("a line without a known total has the count, but no bar", () => {
  assert.equal(
    progressBar(statusWith({ total: undefined }), RATE, 100),
    "500 jobs  50 jobs/s  2 workers  16 slots",
  );
});

test("a line has no rate and no time left before anything is done", () => {
  assert.equal(
    progressBar(statusWith({ done: 0, workers: 1, slots: 1 }), 0, 100),
    "░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   0%  0/1,000 jobs  1 worker  1 slot",
  );
});

test("slots that load the core are named, after failures and before the rest", () => {
  const status = statusWith({ failed: 3, loading: { slots: 3, slotsTotal: 8, ms: 12_400 } });
  assert.equal(
    progressText(status, 0),
    "503/1,000 jobs, 3 failed, loading core on 3 of 8 slots, 12s, 2 workers, 16 slots",
  );
});

test("jobs of earlier runs count as done, but not in the rate and the time left", () => {
  const rate = new RunRate();
  const start = { skippedDone: 400, skippedFailed: 10, done: 400, failed: 10 };
  assert.equal(rate.of(statusWith({ ...start, elapsedMs: 1000 })), 0);
  const later = statusWith({ ...start, done: 500, elapsedMs: 2000 });
  assert.equal(rate.of(later), 50);
  assert.match(progressBar(later, RATE, 160), / 51% {2}510\/1,000 jobs {2}10 failed {2}10s left /);
});

test("jobs that will be skipped do not count in the time left", () => {
  const line = progressBar(statusWith({ done: 500, skipsLeft: 400 }), RATE, 160);
  assert.match(line, / 50% {2}500\/1,000 jobs {2}2s left /);
  const wrong = progressBar(statusWith({ done: 500, skipsLeft: 4000 }), RATE, 160);
  assert.match(wrong, / 1s left /, "even if the estimate was too high");
});

test("the bar is full when everything is done, and only then the percentage is 100", () => {
  const full = progressBar(statusWith({ done: 1000 }), RATE, 100);
  assert(full.startsWith(`${"█".repeat(30)} 100%  1,000/1,000 jobs`), full);
  const almost = progressBar(statusWith({ done: 999 }), RATE, 100);
  assert.match(almost, / {2}99% /);
  const nothingToDo = progressBar(statusWith({ done: 0, total: 0 }), 0, 100);
  assert.match(nothingToDo, / 100% {2}0\/0 jobs/);
});

test("a line fits into its columns, however narrow they are and whatever there is to say", () => {
  const count = fc.oneof(fc.nat(10), fc.nat(100_000), fc.nat(1_000_000_000));
  const status = fc.record({
    done: count,
    failed: count,
    skippedDone: count,
    skipsLeft: count,
    total: fc.oneof(fc.constant(undefined), count),
    workers: fc.nat(5000),
    slots: fc.nat(500_000),
    slotsAreKnown: fc.boolean(),
  }, { noNullPrototype: true }) as fc.Arbitrary<Partial<RunStatus>>;
  const rate = fc.oneof(fc.constant(0), fc.double({ min: 0.000001, max: 1e7, noNaN: true }));
  const columns = fc.integer({ min: 10, max: 200 });
  fc.assert(
    fc.property(status, rate, columns, (changes, perSecond, columns) => {
      const line = progressBar(statusWith(changes), perSecond, columns);
      assert(line.length <= columns, `${line.length} columns: ${line}`);
      assert(line.trim() !== "");
      assert(!line.includes("\n"));
    }),
    runs(500),
  );
});

test("a line for a log has the same details, separated by commas", () => {
  assert.equal(
    progressText(statusWith({ failed: 3 }), RATE),
    "503/1,000 jobs, 3 failed, 10s left, 50 jobs/s, 2 workers, 16 slots",
  );
  assert.equal(
    progressText(statusWith({ done: 1, total: undefined, workers: 1, slots: 1 }), 0),
    "1 job, 1 worker, 1 slot",
  );
});

test("a bar appears once there is room, and stays in every wider window", () => {
  for (const failed of [0, 3, 100_000]) {
    const status = statusWith({ failed });
    let hasBar = false;
    for (let columns = 10; columns <= 200; columns++) {
      const shown = /[█░]/.test(progressBar(status, RATE, columns));
      assert(shown || !hasBar, `${columns} columns`);
      hasBar = shown;
    }
    assert(hasBar);
  }
});

test("a status line is redrawn in place, below the lines that scroll", () => {
  const terminal = new Recorder(80);
  const line = new StatusLine(terminal);
  line.clear();
  line.writeAbove("first");
  line.show("1 of 2");
  line.show("2 of 2");
  line.writeAbove("second");
  line.clear();
  line.clear();
  const erase = "\r\x1b[K";
  assert.deepEqual(terminal.written, [
    "first\n",
    "1 of 2",
    `${erase}2 of 2`,
    `${erase}second\n2 of 2`,
    erase,
  ]);
});

test("a status line that a narrower window has wrapped is erased in all its rows", () => {
  const terminal = new Recorder(80);
  const line = new StatusLine(terminal);
  line.show("x".repeat(70));
  terminal.columns = 30;
  line.show("short");
  line.show("short");
  assert.deepEqual(terminal.written.slice(1), [
    "\r\x1b[K\x1b[A\x1b[K\x1b[A\x1b[Kshort",
    "\r\x1b[Kshort",
  ]);
});

test("the longest line fits into every width from 10 to 200", () => {
  const status = statusWith({
    done: 123_456_789,
    failed: 98_765_432,
    total: 999_999_999,
    workers: 1234,
    slots: 123_456,
    slotsAreKnown: false,
  });
  for (let columns = 10; columns <= 200; columns++) {
    assert(progressBar(status, 0.5, columns).length <= columns);
  }
});

/** Remembers what is written. */
class Recorder implements Terminal {
  readonly written: string[] = [];

  constructor(public columns: number) {}

  write(text: string): void {
    this.written.push(text);
  }
}
