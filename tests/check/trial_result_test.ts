/** What is read from the report of a trial that may have crashed anywhere. */

import assert from "node:assert/strict";
import type { ReportLine, RunReport } from "../../check/trial_plan.ts";
import { crashText, jobsBegun, trialResult } from "../../check/trial_result.ts";
import fc from "../lib/properties.ts";
import { test } from "../lib/test.ts";

const ENDED = { crash: undefined, printed: [], survivors: 0 };

const RAN: RunReport = {
  exitCode: 0,
  outputBytes: 4,
  output: "digest",
  problem: undefined,
  isInInput: false,
  isIntact: true,
  threads: 0,
};

const WHOLE: readonly ReportLine[] = [
  { phase: "load" },
  { phase: "init" },
  { loaded: { openMs: 3, initMs: 4 } },
  { phase: "run" },
  { output: { bytes: "4", address: "7f0012345678" } },
  { phase: "output" },
  { phase: "free" },
  { ran: RAN },
  { times: { runs: 1, medianMs: 2, maxMs: 2 } },
  { usage: [] },
  { left: { processes: 1, files: ["a"] } },
  { phase: "unload" },
];

test("a whole report is read", () => {
  const result = trialResult(reportOf(WHOLE), ENDED);
  assert.equal(result.phase, "unload");
  assert.equal(result.crash, undefined);
  assert.equal(crashText(result), undefined);
  assert.deepEqual(result.runs.map(({ exitCode }) => exitCode), [0]);
  assert.deepEqual(result.loaded, { openMs: 3, initMs: 4 });
  assert.deepEqual(result.left, { processes: 1, files: ["a"] });
});

test("a crash is said with the function it happened in, and what was printed last", () => {
  const end = { crash: "crashes with SIGSEGV", printed: ["first", "why", "  "], survivors: 0 };
  const result = trialResult(reportOf(WHOLE.slice(0, 4)), end);
  assert.equal(crashText(result), "crashes with SIGSEGV in worker_run_job: why");
});

test("a crash while an output is read is said with what the core reports, and no function", () => {
  const end = { crash: "crashes with SIGSEGV", printed: ["printed"], survivors: 0 };
  const result = trialResult(reportOf(WHOLE.slice(0, 6)), end);
  const output = "4 bytes at 0x7f0012345678";
  assert.equal(crashText(result), `crashes with SIGSEGV while its output is read: ${output}`);
});

test("what happens at the end of a trial that has failed is not what it is said to have done", () => {
  const end = { crash: "crashes with SIGABRT", printed: [], survivors: 0 };
  const failed: ReportLine = { failed: "worker_init returned 5" };
  const result = trialResult(reportOf([{ phase: "init" }, failed]), end);
  assert.deepEqual([result.failure, result.crash], ["worker_init returned 5", undefined]);
});

test("a core that ends the process with status 0 has not run to the end", () => {
  const result = trialResult(reportOf(WHOLE.slice(0, 4)), ENDED);
  assert.equal(crashText(result), "ends the process with exit status 0 in worker_run_job");
  const refused = trialResult(reportOf([{ phase: "init" }, { failed: "it lacks it" }]), ENDED);
  assert.equal(refused.crash, undefined);
  assert.equal(refused.failure, "it lacks it");
});

test("a report that is cut anywhere is read as far as it goes", () => {
  const report = reportOf(WHOLE);
  fc.assert(fc.property(fc.nat(report.length), (length) => {
    const result = trialResult(report.slice(0, length), ENDED);
    assert.equal(result.crash === undefined, result.phase === "unload");
  }));
});

test("jobs that have begun are counted, all behind the first two as one", () => {
  const run: ReportLine[] = [{ phase: "run" }, { phase: "free" }, { ran: RAN }];
  const lines: ReportLine[] = [{ phase: "init" }, ...run, ...run, { phase: "jobs" }];
  const counts = lines.map((_, index) => jobsBegun(reportOf(lines.slice(0, index + 1))));
  assert.deepEqual(counts, [0, 1, 1, 1, 2, 2, 2, 3]);
});

function reportOf(lines: readonly ReportLine[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}
