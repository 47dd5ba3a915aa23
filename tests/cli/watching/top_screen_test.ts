/** The screen of `distcomp top`, at any size. */

import assert from "node:assert/strict";
import { keysIn } from "../../../cli/terminal/full_screen.ts";
import { cutInMiddle, widthOf } from "../../../cli/terminal/terminal_text.ts";
import { topLines, topScrollMax } from "../../../cli/watching/top_screen.ts";
import type { TopView } from "../../../cli/watching/top_view.ts";
import { TopWorker, topWorkerLines } from "../../../cli/watching/top_worker.ts";
import { test } from "../../lib/test.ts";
import {
  FAKE_NOW,
  fakeRun,
  fakeThroughput,
  fakeWorker,
  fakeWorkerEntry,
} from "../../watch/fake_snapshots.ts";

const VIEW: TopView = { scroll: 0, isPaused: false };

test("top shows progress, workers, failures, the jobs that run longest, and the log", () => {
  const lines = topLines(fakeRun(), VIEW, { columns: 100, rows: 24 });
  assert.equal(lines.length, 24);
  assert.match(lines[0] as string, /^core\.so → \/home\/ada\/outputs +4m 5s$/);
  assert.match(
    lines[1] as string,
    /^█+░+ 61% {2}61,267\/100,000 jobs {2}17 failed {2}247 jobs\/s {2}2m 36s left$/,
  );
  assert.match(lines[2] as string, / {2}61\.3 MB in, 1\.23 GB out {2}median 410ms in the core$/);
  const text = lines.join("\n");
  assert.match(text, /^WORKERS 3 .*BUSY .*STATE/m);
  assert.match(text, /^node1 +3\/4 █+░+ +81\.7 +20,000 +1m 30s draining/m);
  assert.match(text, /^FAILED 17 *\n +12 {2}crashed: SIGSEGV {2}in\/part-7\.bin, /m);
  assert.match(text, /^RUNNING 9 *\n +1m 30s {2}in\/part-0\.bin {2}node1$/m);
  assert.match(text, /attempt 2$/m);
  assert.match(text, /^LOG *\n/m);
  assert.match(lines.at(-1) as string, /^q leave/);
});

test("a worker has one name on the screen of top, in the table of workers and beside its jobs", () => {
  const cases = [
    [["this machine", "vm", "this machine"]],
    [["vm (vm:1)", "vm", "vm:1"], ["vm#2 (vm:2)", "vm#2", "vm:2"]], // dialed
    [["vm", "vm", "vm"], ["vm#2", "vm#2", "vm#2"]], // they have dialed
    [["vm#2", "vm#2", "vm:2"]], // the other one is gone
  ];
  for (const expected of cases) {
    const labels = expected.map(([label]) => label as string);
    const workers = expected.map(([, name = "", address = ""], index) => (
      { ...fakeWorkerEntry(index), name, address }
    ));
    const running = workers.map(({ name, address }) => (
      { name: "a", attempt: 1, sentAt: FAKE_NOW, beganAt: FAKE_NOW, worker: name, address }
    ));
    const lines = topLines(fakeRun({}, { workers, running }), VIEW, { columns: 100, rows: 24 });
    for (const label of labels) {
      assert.equal(lines.filter((line) => line.startsWith(`${label} `)).length, 1, label);
      assert.equal(lines.filter((line) => line.endsWith(`  ${label}`)).length, 1, label);
    }
  }
});

test("no line of top is wider than the terminal, and there are as many as it has rows", () => {
  const name = "日本語".repeat(40);
  const workers = Array.from({ length: 300 }, (_, index) => (
    { ...fakeWorkerEntry(index), name: `${name}${index}` }
  ));
  const failures = [{ reason: `\x1b[2J${name}`, jobs: 12, names: [name] }];
  const run = fakeRun({}, { workers, workersTotal: 300, failures, output: name, waitsFor: name });
  for (const columns of [1, 7, 20, 40, 60, 80, 99, 160, 400]) {
    for (const rows of [1, 2, 3, 5, 8, 12, 24, 60]) {
      const lines = topLines(run, VIEW, { columns, rows });
      assert.equal(lines.length, rows, `${columns}×${rows}`);
      for (const line of lines) {
        assert(widthOf(line) <= columns, `${columns}×${rows}: ${line}`);
        // deno-lint-ignore no-control-regex -- what must not be there
        assert.doesNotMatch(line, /[\x00-\x1f\x7f]/);
      }
    }
  }
});

test("on a wide screen, top shows all of the workers' software, and on a narrow one their names", () => {
  const software = "distcomp 0.1.0-rc.12+build.4711";
  const workers = [{ ...fakeWorkerEntry(0), software }];
  const rowOf = (columns: number) =>
    topLines(fakeRun({}, { workers }), VIEW, { columns, rows: 24 })
      .find((line) => line.startsWith("node1 "));
  assert.match(rowOf(160) ?? "", /^node1 .* distcomp 0\.1\.0-rc\.12\+build\.4711 *$/);
  assert.match(rowOf(100) ?? "", /^node1 .* distcomp 0\.1\.0-rc…/);
  assert.doesNotMatch(rowOf(80) ?? "", /distcomp/);
});

test("top says how many reasons of failures it leaves out", () => {
  const failures = Array.from({ length: 8 }, (_, index) => (
    { reason: `reason ${index}`, jobs: 1, names: ["a"] }
  ));
  const titleOf = (reasons: number, rows = 24) =>
    topLines(fakeRun({}, { failures: failures.slice(0, reasons) }), VIEW, { columns: 80, rows })
      .find((line) => line.startsWith("FAILED"))?.trimEnd();
  assert.deepEqual([6, 7, 8].map((reasons) => titleOf(reasons)), [
    ...["FAILED 17", "FAILED 17, and 1 more reason", "FAILED 17, and 2 more reasons"],
  ]);
  assert.equal(titleOf(3, 12), "FAILED 17, and 1 more reason");
});

test("rows that are left over go to what would be cut, failures first, and not to the last of the workers", () => {
  const failures = Array.from({ length: 7 }, (_, index) => (
    { reason: `reason ${index}`, jobs: 1, names: ["a"] }
  ));
  const linesIn = (rows: number, workers = 3) =>
    topLines(fakeRun({ workers }, { failures }), VIEW, { columns: 200, rows });
  const shownIn = (rows: number, workers?: number) =>
    linesIn(rows, workers).filter((line) => line.includes("  reason ")).length;
  assert.equal(shownIn(50), 7);
  assert(linesIn(50).some((line) => /^FAILED 17 *$/.test(line)));
  const rowsAll = Array.from({ length: 50 }, (_, rows) => rows).find((rows) =>
    shownIn(rows) === 7
  )!;
  assert.equal(shownIn(rowsAll - 1), 6);
  assert.equal(shownIn(rowsAll, 5), 5, "two more workers take these rows");
  const runningIn = (rows: number) =>
    linesIn(rows).filter((line) => /part-\d+\.bin +node/.test(line));
  assert.deepEqual([rowsAll, 50].map((rows) => runningIn(rows).length), [5, 9]);
});

test("on a narrow screen, top leaves out whole details and the bar, and failures last", () => {
  const linesIn = (columns: number) =>
    topLines(fakeRun(), VIEW, { columns, rows: 24 }).slice(1, 3).map((line) => line.trimEnd());
  assert.deepEqual(linesIn(60), [
    "61%  61,267/100,000 jobs  17 failed  247 jobs/s  2m 36s left",
    "9/12 slots busy, 93% so far  61.3 MB in, 1.23 GB out",
  ]);
  assert.deepEqual(linesIn(44), [
    "█████░░░ 61%  61,267/100,000 jobs  17 failed",
    "9/12 slots busy, 93% so far",
  ]);
  assert.equal(linesIn(40)[0], "61%  61,267/100,000 jobs  17 failed");
  assert.equal(linesIn(34)[0], "61,267/100,000 jobs  17 failed");
});

test("long names of running jobs are cut in the middle, and workers keep their column", () => {
  const running = ["1", "22", "333"].map((end) => ({
    name: `${"inputs/of/the/experiment/".repeat(6)}part-${end}.bin`,
    attempt: 1,
    sentAt: FAKE_NOW,
    beganAt: FAKE_NOW,
    worker: `node${end}`,
    address: `node${end}:7433`,
  }));
  const lines = topLines(fakeRun({}, { running }), VIEW, { columns: 80, rows: 24 })
    .filter((line) => line.includes("part-") && line.includes("inputs/of"));
  assert.deepEqual(lines.map((line) => /…\S*part-(\d+)\.bin {2}node\1 *$/.test(line)), [
    ...[true, true, true],
  ]);
  assert.equal(new Set(lines.map((line) => line.lastIndexOf("  node"))).size, 1);
});

test("a text that is cut in its middle keeps both ends, and no character is cut", () => {
  assert.equal(cutInMiddle("abcdefgh", 8), "abcdefgh");
  assert.equal(cutInMiddle("abcdefgh", 6), "abc…gh");
  assert.equal(cutInMiddle("abcdefgh", 2), "a…");
  assert.equal(cutInMiddle("日本語日本語", 7), "日本…語");
  for (let columns = 0; columns < 20; columns++) {
    assert(widthOf(cutInMiddle("a日b本c語".repeat(3), columns)) <= columns);
  }
});

test("top scrolls through hundreds of workers, and its last page is full", () => {
  const run = fakeRun({ workers: 300 });
  const rangeAt = (scroll: number) => {
    const lines = topLines(run, { ...VIEW, scroll }, { columns: 80, rows: 24 });
    const at = lines.findIndex((line) => line.startsWith("WORKERS"));
    return [lines[at]?.match(/\d+–\d+\/\d+/)?.[0], lines[at + 1]?.split(" ")[0]];
  };
  const [first] = rangeAt(0);
  const page = Number(first?.match(/–(\d+)/)?.[1]);
  assert(page >= 3, first);
  assert.deepEqual(rangeAt(0), [`1–${page}/300`, "node1"]);
  assert.deepEqual(rangeAt(5), [`6–${page + 5}/300`, "node6"]);
  assert.deepEqual(rangeAt(1_000), [`${301 - page}–300/300`, `node${301 - page}`]);
});

test("top shows a worker: its slots, rate, memory, cores and controllers, at any size", () => {
  const worker = fakeWorker();
  const pace = { jobsPerSecond: 81.7, throughput: fakeThroughput(60, 8) };
  const lines = topWorkerLines(worker, "node1:7433", pace, VIEW, { columns: 100, rows: 24 });
  assert.equal(lines.length, 24);
  const text = lines.join("\n");
  assert.match(
    text,
    /^worker node1 at node1:7433 +busy\n█+░+ {2}7\/8 slots busy {2}12 jobs waiting$/m,
  );
  assert.match(text, /^1,204 done {2}3 failed {2}81\.7 jobs\/s$/m);
  assert.match(text, /^812 MB in slots {2}21 GB of 64 GB free {2}distcomp 0\.1\.0, linux x86_64$/m);
  assert.match(
    text,
    /^CORES 1 *\ncore\.so {2}8 slots {2}3f3f3f3f3f3f\nCONTROLLERS 2 *\n10\.0\.0\.1:/m,
  );
  const many = fakeWorker({ controllers: Array.from({ length: 64 }, (_, index) => `c${index}`) });
  for (let columns = 1; columns < 120; columns += 7) {
    for (let rows = 1; rows < 30; rows += 3) {
      const view = { ...VIEW, scroll: 1000 };
      const shown = topWorkerLines(many, "node1:7433", pace, view, { columns, rows });
      assert.equal(shown.length, rows);
      assert(shown.every((line) => widthOf(line) <= columns));
      if (columns > 10 && rows > 10) assert(shown.includes("c63"), "the end of the list");
    }
  }
});

test("the rate of a worker is counted while somebody looks", async () => {
  const jobs = { done: 100, failed: 0 };
  let at = FAKE_NOW;
  const ask = () => Promise.resolve(fakeWorker({ at, jobs: { ...jobs } }));
  const top = new TopWorker("node1:7433", ask, await ask());
  for (let second = 0; second < 30; second++) {
    at += 1000;
    jobs.done += 50;
    assert(await top.ask());
  }
  const shown = top.lines(VIEW, { columns: 80, rows: 24 }).join("\n");
  assert.match(shown, /^1,600 done {2}0 failed {2}50 jobs\/s\n/m);
  assert.match(shown, /^jobs\/s +█+ *$/m);
  jobs.done = 1; // it was started again
  await top.ask();
  assert.match(top.lines(VIEW, { columns: 80, rows: 24 }).join("\n"), /^1 done /m);
  for (let second = 0; second < 10; second++) {
    at += 1000;
    jobs.done += 20;
    await top.ask();
  }
  const again = top.lines(VIEW, { columns: 80, rows: 24 }).join("\n");
  assert.match(again, /^201 done {2}0 failed {2}20 jobs\/s\n/m);
});

test("what a terminal sends is taken key by key", () => {
  assert.deepEqual(keysIn("q"), ["q"]);
  assert.deepEqual(keysIn("jj\x1b[A\x1bOB\x1b[5~\x03"), [
    "j",
    "j",
    "\x1b[A",
    "\x1bOB",
    "\x1b[5~",
    "\x03",
  ]);
  assert.deepEqual(keysIn("G\x1b[F\x1bOH\x1b[1~"), ["G", "\x1b[F", "\x1bOH", "\x1b[1~"]);
  assert.deepEqual(keysIn("\x1b"), ["\x1b"]);
});

test("top scrolls no further than to its last page, so that each key moves it", () => {
  const workers = Array.from({ length: 60 }, (_, index) => fakeWorkerEntry(index));
  const run = fakeRun({}, { workers });
  const size = { columns: 80, rows: 24 };
  const last = topScrollMax(run, size);
  const at = (scroll: number) => topLines(run, { ...VIEW, scroll }, size).join("\n");
  assert(last > 30 && last < 60, String(last));
  assert.equal(at(last), at(1000));
  assert.notEqual(at(last), at(last - 1));
});
