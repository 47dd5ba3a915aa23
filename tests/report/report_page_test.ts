import assert from "node:assert/strict";
import fc from "fast-check";
import { rateData } from "../../report/page/chart_data.ts";
import { REPORT_START, reportPage } from "../../report/page/report_page.ts";
import type { Report } from "../../report/report.ts";
import { runs } from "../lib/random.ts";
import { test } from "../lib/test.ts";
import { BEGUN_AT, journalLine, journalOf, type RunPlan } from "./generated_journal.ts";
import { reportOfRuns } from "./reports.ts";

const PLAN: RunPlan = { jobs: 500, nodes: 2, slotsPerNode: 2 };
const ABOUT = { outputs: "out", madeAt: 0, version: "0.1.0", isGoingOn: false };

/** The bytes of a page that are the same in each: uPlot, and what is ours. */
const PAGE_CHARS_MAX = 100_000;

const HOSTILE = `</script><script>alert(1)</script>"'&\u202e\udce9`;

test("names, reasons, nodes and printed lines are text in a report, whatever they contain", async () => {
  const fields = (job: number) => ({
    node: HOSTILE,
    worker: HOSTILE,
    ...(job % 2 === 0 && { state: "failed", error: HOSTILE, cause: HOSTILE, printed: [HOSTILE] }),
  });
  const left = journalLine({ worker: "left", node: HOSTILE, address: "a", reason: HOSTILE, at: 1 });
  const report = await reportOfRuns(journalOf({ ...PLAN, fields, name: () => HOSTILE }), [left]);
  const page = reportPage(report, { ...ABOUT, outputs: HOSTILE });
  assert.equal(page.match(/<script/g)?.length, 5, "the data, uPlot, and three scripts of the page");
  assert(!page.includes("alert(1)</script>") && !page.includes("\u202e"));
  assert(page.includes("&lt;/script&gt;&lt;script&gt;alert(1)") && page.includes("\\xe9"));
});

test("a report lets a browser load nothing, and run no script but its own", async () => {
  const page = reportPage(await reportOfRuns(journalOf(PLAN)), ABOUT);
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? "";
  assert.match(
    policy,
    /^default-src 'none';.*script-src( 'sha256-[^' ]+'){4}; style-src 'sha256-[^' ]+'$/,
  );
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  assert.doesNotMatch(page.replace(/<script>[^]*?<\/script>/g, ""), /(src|href)=/);
  assert.doesNotMatch(page, / style="/);
  assert(page.startsWith(REPORT_START));
});

test("a page is small, however many slots, nodes, runs and reasons there are", async () => {
  const many = (run: number) =>
    journalOf({
      jobs: 2000,
      nodes: 5,
      slotsPerNode: 4,
      begunAt: 1e12 + run * 1e9,
      name: (job) => `${run}/${job}/${"x".repeat(200)}`,
      fields: (job) => ({
        node: `${run}-${job}`,
        ...(job % 2 === 0 && { state: "failed", error: `${"reason ".repeat(60)}${run} ${job}` }),
      }),
    });
  const report = await reportOfRuns(many(0), many(1), many(2));
  assert.deepEqual([report.rows.length, report.failures.length], [6000, 1000]);
  const page = reportPage(report, ABOUT);
  assert(page.length < 1_500_000, `${page.length}`);
});

test("an empty journal, one without a job, and an old one have pages that say what is not known", async () => {
  const pageOf = (report: Report) => reportPage(report, ABOUT);
  assert.match(pageOf(await reportOfRuns([])), /The run is over, and no job has ended in it\./);
  const begun = await reportOfRuns([journalLine({ run: "begun", at: 1e12 })]);
  assert.match(pageOf(begun), /The run is over, and no job has ended in it\./);
  assert.match(reportPage(begun, { ...ABOUT, isGoingOn: true }), /No job has ended yet\./);
  const ended = journalLine({ run: "ended", at: 1e12 + 1, end: "complete", done: 0, failed: 0 });
  const empty = await reportOfRuns([journalLine({ run: "begun", at: 1e12 }), ended]);
  assert.match(pageOf(empty), /The run had no inputs\./);
  const old = journalLine({ input: "a", state: "done", runMs: 5, queueMs: 1, worker: "w" });
  const page = pageOf(await reportOfRuns([old]));
  assert.match(page, /The journal does not say when jobs ran/);
  assert.match(page, /times of jobs contain waiting/);
  assert.match(page, /data-chart="runtimes"/);
  assert.doesNotMatch(page, /data-chart="(slots|timeline|memory)"/);
  assert(page.length < PAGE_CHARS_MAX);
});

test("a report says how many attempts the journal does not have: retries, copies and votes", async () => {
  const fields = (job: number) => job < 8 ? { attempt: 3 } : job < 16 ? { sent: 3 } : {};
  const page = reportPage(await reportOfRuns(journalOf({ ...PLAN, fields })), ABOUT);
  assert.match(
    page,
    /<li>32 further attempts of 16 jobs \(retries, copies or votes\) are not in the journal, so slots may /,
  );
  assert.match(page, /<dd[^>]*>\d+% or more<\/dd>/);
});

test("the head of a report says how long all runs took together, and which of it was the last one", async () => {
  const headOf = async (...runs: Iterable<string>[]) =>
    / class="quiet">([^<]*(?:began|runs)[^<]*)</i.exec(
      reportPage(await reportOfRuns(...runs), ABOUT),
    )?.[1];
  const later = BEGUN_AT + 86_400_000;
  const nothing = [later, later + 20].map((at, index) =>
    journalLine({ run: index === 0 ? "begun" : "ended", at })
  );
  const again = journalOf({ ...PLAN, jobs: 50, begunAt: later });
  assert.match(
    await headOf(journalOf(PLAN)) ?? "",
    /^Began 2026-01-02 12:00:00 UTC, took 12\.\ds$/,
  );
  assert.match(
    await headOf(journalOf(PLAN), nothing) ?? "",
    /^2 runs, 12\.\ds together, the last one began 2026-01-03 12:00:00 UTC, ran no job$/,
  );
  assert.match(
    await headOf(journalOf(PLAN), again) ?? "",
    /^2 runs, 13\.\ds together, the last one began 2026-01-03 12:00:00 UTC, took 1\.\ds$/,
  );
  const interrupted = journalLine({ run: "ended", at: later, end: "interrupted", left: 7 });
  assert.match(
    await headOf(journalOf({ ...PLAN, isKilled: true }), [interrupted]) ?? "",
    /, the run was interrupted, with 7 jobs left$/,
  );
});

test("a report says whether its run did not end in order", async () => {
  const headOf = async (isKilled: boolean, isGoingOn: boolean) =>
    reportPage(await reportOfRuns(journalOf({ ...PLAN, isKilled })), { ...ABOUT, isGoingOn })
      .split("</header>")[0] ?? "";
  assert.match(await headOf(true, false), /, took 12\.\ds, the run did not end in order</);
  assert.doesNotMatch(await headOf(true, true), /did not end/);
  assert.doesNotMatch(await headOf(false, false), /did not end/);
  const old = journalLine({ input: "a", state: "done", runMs: 5, queueMs: 1, worker: "w" });
  assert.doesNotMatch(reportPage(await reportOfRuns([old]), ABOUT), /did not end/);
});

test("the steps of a chart have all jobs together, also those of a last step that is longer or shorter", async () => {
  for (const jobs of [20, 97, 150, 333, 500]) {
    const { x, done } = rateData(await reportOfRuns(journalOf({ ...PLAN, jobs })));
    const ended = done.slice(0, -1)
      .map((perSecond, step) => perSecond * ((x[step + 1] ?? 0) - (x[step] ?? 0)));
    const all = ended.reduce((sum, count) => sum + count, 0);
    assert(Math.abs(all - jobs) < 0.01 * jobs, `${all} of ${jobs}`);
  }
});

test("each chart has its numbers as a table", async () => {
  const page = reportPage(await reportOfRuns(journalOf(PLAN)), ABOUT);
  const charts = page.match(/data-chart="\w+" role="img" aria-label="/g) ?? [];
  assert.equal(charts.length, 6);
  assert.equal(page.match(/<summary>The numbers as a table<\/summary>/g)?.length, 6);
});

test("whatever the lines of a journal say, there is a page", async () => {
  const [number, text] = [fc.oneof(fc.double(), fc.integer()), fc.string({ unit: "binary" })];
  const any = fc.oneof(number, text, fc.jsonValue());
  const time = fc.oneof(fc.integer({ min: 1e12, max: 2e12 }), fc.double({ noNaN: true }), any);
  const job = fc.record({
    input: fc.oneof(text, any),
    state: fc.constantFrom("done", "failed", "other"),
    ...{ error: any, cause: any, printed: fc.oneof(fc.array(any), any), node: any, worker: any },
    ...{ slot: fc.oneof(fc.nat(9), any), queuedAt: time, startedAt: time, endedAt: time },
    ...{ answeredAt: time, runMs: any, cpuMs: any, memoryBytes: any, bytesIn: any, queueMs: any },
  }, { requiredKeys: ["input", "state"] });
  const run = fc.record({ run: fc.constantFrom("begun", "ended"), at: time });
  const worker = fc.record({
    worker: fc.constantFrom("joined", "left"),
    ...{ node: any, address: any, slots: any, reason: any, at: time },
  }, { requiredKeys: ["worker"] });
  const lines = fc.array(fc.oneof(job, run, worker), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(lines, async (all) => {
      const report = await reportOfRuns(all.map((fields) => journalLine(fields)));
      const page = reportPage(report, ABOUT);
      assert.doesNotMatch(page.replace(/<script[^]*?<\/script>/g, ""), /NaN|Infinity|undefined/);
      const data = /<script type="application\/json" id="data">(.*?)<\/script>/.exec(page)?.[1];
      JSON.parse(data ?? "");
    }),
    runs(100),
  );
});
