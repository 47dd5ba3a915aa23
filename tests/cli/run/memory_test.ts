/** The memory of a run does not grow with the number of its jobs. */

import assert from "node:assert/strict";
import { appendFile, readFile } from "node:fs/promises";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { formatRecord } from "../../../controller/output/journal/journal_record.ts";
import { CORE, recordOf } from "../../controller/output/records.ts";
import { core } from "../../lib/cores.ts";
import { slow, testUnless } from "../../lib/test.ts";
import { endOf, Workspace } from "../workspace.ts";

const FEW_JOBS = 10_000;
const MANY_JOBS = 200_000;

/**
 * Under half a kilobyte for each job more: less than a job with its name, input and times takes. What is
 * left is the heap of the runtime, which grows up to some size before it is tidied.
 */
const GROWTH_BYTES_MAX = 96 * 1024 * 1024;

/** Little more than half of what the names of all jobs would take. */
const JOURNAL_BYTES_MAX = 128 * 1024 * 1024;

const SAMPLE_MS = 50;

const noProc = process.platform === "linux" ? undefined : "there is no /proc to read peaks from";

testUnless(
  noProc ?? slow,
  "a run of many jobs needs about as much memory as one of few",
  async () => {
    const few = await peakOfNew(FEW_JOBS);
    const many = await peakOfNew(MANY_JOBS);
    const growth = many - few;
    assert(growth < GROWTH_BYTES_MAX, `${mb(few)} MB for few jobs, ${mb(many)} MB for many`);
  },
);

testUnless(
  noProc ?? slow,
  "a journal of many jobs with long names needs no memory for those",
  async () => {
    const few = await peakWithJournal(FEW_JOBS);
    const many = await peakWithJournal(MANY_JOBS);
    const growth = many - few;
    assert(growth < JOURNAL_BYTES_MAX, `${mb(few)} MB for few jobs, ${mb(many)} MB for many`);
  },
);

/** The peak memory of a run with this many jobs, without its workers. */
async function peakOfNew(jobs: number): Promise<number> {
  await using workspace = await Workspace.makeInMemory();
  return await peakBytes(jobs, workspace);
}

/** The peak memory of a run that only reads a journal. */
async function peakWithJournal(jobs: number): Promise<number> {
  await using workspace = await Workspace.makeInMemory();
  await workspace.write("outputs/.distcomp/jobs.jsonl", "");
  const path = workspace.at("outputs/.distcomp/jobs.jsonl");
  for (let index = 0; index < jobs; index += 1000) {
    const lines = Array.from({ length: 1000 }, (_, more) => {
      return formatRecord(recordOf(index + more, { input: `${index + more}`.repeat(200) }), CORE);
    });
    await appendFile(path, lines.join(""));
  }
  return await peakBytes(0, workspace);
}

async function peakBytes(jobs: number, workspace: Workspace): Promise<number> {
  const silent = await core("version_stamp", { STAMP: '""' });
  const args = ["run", silent, "--repeat", String(jobs), "--quiet"];
  await using program = await workspace.start(args);
  let peak = 0;
  let hasEnded = false;
  void program.exited.then(() => hasEnded = true);
  while (!hasEnded) {
    peak = Math.max(peak, await peakOf(program.pid));
    await delay(SAMPLE_MS);
  }
  assert.equal((await endOf(program)).code, 0, program.stderr);
  return peak;
}

/** The peak that the system remembers of a process; 0 when it has just ended. */
async function peakOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

function mb(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
