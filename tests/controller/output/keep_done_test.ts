/** Resuming with another core, where jobs that are done stay done. */

import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { resumeText } from "../../../cli/run/resume_text.ts";
import { checksumText } from "../../../controller/output/journal/checksum.ts";
import { STATE_FOLDER } from "../../../controller/output/state_folder.ts";
import type { Numbering } from "../../../controller/output/finished_jobs.ts";
import { formatRecord, type JobRecord } from "../../../controller/output/journal/journal_record.ts";
import { Resume } from "../../../controller/output/resume.ts";
import { systemFiles } from "../../../runtime/files/system_files.ts";
import { Workspace } from "../../cli/workspace.ts";
import { test } from "../../lib/test.ts";

const OLD = "a1".repeat(32);
const NEW = "b2".repeat(32);

const NUMBERING: Numbering = { numberIn: (output) => output, outputOf: (number) => number };

test("jobs that are done with any core stay done, and failures of another core are tried again", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "out/old": "one", "out/new": "two" });
  const resume = await loaded(workspace, [
    lineOf("old", "one", OLD),
    lineOf("new", "two", NEW),
    failureOf("failed-old", OLD),
    failureOf("failed-new", NEW),
  ]);
  assert.deepEqual(resume.past.counts, {
    done: 2,
    failed: 1,
    failedOtherCore: 1,
    doneOtherCore: 0,
  });
  assert.deepEqual(await statesOf(resume, ["old", "new", "failed-old", "failed-new"]), [
    "done",
    "done",
    undefined,
    "failed",
  ]);
});

test("an output that has changed since, or another input, is no reason to keep a job", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("out/old", "changed");
  const resume = await loaded(workspace, [lineOf("old", "one", OLD)]);
  assert.deepEqual(await statesOf(resume, ["old"]), [undefined]);
  await workspace.write("out/old", "one");
  assert.deepEqual(await statesOf(resume, ["old"]), ["done"]);
  assert.deepEqual(await resume.outcomesOf([{ name: "old", identity: "file-9-9-9" }]), [undefined]);
});

test("a kept record that had to be checked is not written again under the new core", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("out/old", "one");
  const resume = await loaded(workspace, [lineOf("old", "one", OLD), "damaged\n"]);
  const [outcome] = await resume.outcomesOf([identified("old")]);
  assert.deepEqual(outcome, { state: "done" });
});

test("done jobs that run again because of another core are announced, whatever else is there", async () => {
  await using workspace = await Workspace.make();
  const lines = [lineOf("a", "one", OLD), lineOf("b", "two", OLD), failureOf("failed-new", NEW)];
  const { past: { counts } } = await loaded(workspace, lines, false);
  assert.deepEqual(counts, { done: 0, failed: 1, failedOtherCore: 0, doneOtherCore: 2 });
  assert.equal(
    resumeText({ counts }, {}),
    "earlier runs: 0 jobs done, 1 failed (retry with --retry-failed); 2 jobs done with another " +
      "core: rerunning them (--keep-done would keep them)",
  );
});

test("lines keep the numbers of their outputs, also those that have failed with another core", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("out/000007", "one");
  const failed = { error: "exit code 1", state: "failed" } as const;
  const resume = await loaded(workspace, [
    formatRecord(record("000007", { ...outputFacts("one"), identity: "line-3-aa" }), OLD),
    formatRecord(record("000004", { ...failed, identity: "line-3-bb" }), OLD),
  ]);
  assert.equal(resume.lines?.numberOf("line-3-aa"), "000007");
  assert.equal(resume.lines?.numberOf("line-3-bb"), "000004");
  assert.equal(resume.lines?.numberOf("line-3-cc"), undefined);
});

async function loaded(
  workspace: Workspace,
  lines: readonly string[],
  keepDone = true,
): Promise<Resume> {
  await workspace.write(`out/${STATE_FOLDER}/jobs.jsonl`, lines.join(""));
  const options = { core: NEW, retryFailed: false, keepDone, numbering: NUMBERING };
  return await Resume.load(systemFiles, workspace.at("out"), options);
}

async function statesOf(resume: Resume, names: readonly string[]) {
  const outcomes = await resume.outcomesOf(names.map(identified));
  return outcomes.map((outcome) => outcome?.state);
}

function identified(name: string) {
  return { name, identity: "file-1-2-3" };
}

function lineOf(name: string, output: string, core: string): string {
  return formatRecord(record(name, outputFacts(output)), core);
}

function failureOf(name: string, core: string): string {
  return formatRecord(record(name, { state: "failed", error: "exit code 1" }), core);
}

function outputFacts(output: string): Partial<JobRecord> {
  return { bytesOut: output.length, crcOut: checksumText(crc32(output)) };
}

function record(input: string, facts: Partial<JobRecord>): JobRecord {
  const base = { index: 0, input, state: "done", attempt: 1, bytesIn: 1, bytesOut: 0 } as const;
  return { ...base, identity: "file-1-2-3", ...facts };
}
