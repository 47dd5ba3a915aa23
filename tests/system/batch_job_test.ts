/** What batch systems say about the end of a job. The texts are theirs. */

import assert from "node:assert/strict";
import { type Ask, batchEnd } from "../../system/batch_job.ts";
import { test } from "../lib/test.ts";

const NOW_MS = Date.parse("2026-11-26T10:00:00");
const HOUR_MS = 3_600_000;

const nobody: Ask = () => Promise.reject(new Error("nobody was to be asked"));

/** Answers like a system whose commands print this. */
function prints(text: string | undefined, expected?: readonly string[]): Ask {
  return (command) => {
    if (expected) assert.deepEqual(command, expected);
    return Promise.resolve(text);
  };
}

test("a process outside of batch systems has no end", async () => {
  assert.equal(await batchEnd({}, nobody, NOW_MS), undefined);
});

test("Slurm's end is taken from its environment", async () => {
  const end = (NOW_MS + 4 * HOUR_MS) / 1000;
  const env = { SLURM_JOB_ID: "7", SLURM_JOB_END_TIME: String(end) };
  assert.deepEqual(await batchEnd(env, nobody, NOW_MS), {
    system: "Slurm",
    endsAtMs: NOW_MS + 4 * HOUR_MS,
  });
});

test("an end that has passed does not count: a shell may outlive the batch job whose variables it has", async () => {
  const env = { SLURM_JOB_ID: "7", SLURM_JOB_END_TIME: String(NOW_MS / 1000 - 60) };
  assert.equal(await batchEnd(env, nobody, NOW_MS), undefined);
});

test("Slurm's end is asked for where the environment lacks it", async () => {
  const text = "JobId=7 JobName=w JobState=RUNNING RunTime=00:00:12 TimeLimit=02:00:00 " +
    "StartTime=2026-11-26T10:00:00 EndTime=2026-11-26T12:00:00 Deadline=N/A";
  const ask = prints(text, ["scontrol", "show", "job", "--oneliner", "7"]);
  const end = await batchEnd({ SLURM_JOB_ID: "7" }, ask, NOW_MS);
  assert.equal(end?.endsAtMs, NOW_MS + 2 * HOUR_MS);
});

test("the end of PBS Pro and of Torque is their start and their walltime", async () => {
  const pro = `Job Id: 12.head
    Job_Name = w
    resources_used.walltime = 00:00:10
    Resource_List.select = 1:ncpus=4
    Resource_List.walltime = 01:30:00
    stime = Thu Nov 26 10:00:00 2026
`;
  const torque = pro.replace("    stime", "    start_time");
  for (const text of [pro, torque]) {
    const end = await batchEnd(
      { PBS_JOBID: "12.head" },
      prints(text, ["qstat", "-f", "12.head"]),
      NOW_MS,
    );
    assert.deepEqual(end, { system: "PBS", endsAtMs: NOW_MS + 1.5 * HOUR_MS });
  }
});

test("Torque's walltime is taken from the environment where qstat does not work", async () => {
  const env = { PBS_JOBID: "12", PBS_WALLTIME: "3600" };
  assert.equal((await batchEnd(env, prints(undefined), NOW_MS))?.endsAtMs, NOW_MS + HOUR_MS);
});

test("jobs without a limit, and answers that cannot be read, give no end", async () => {
  for (const text of ["", "EndTime=Unknown", "EndTime=2032-01-01T00:00:00", "error: no job"]) {
    assert.equal(await batchEnd({ SLURM_JOB_ID: "7" }, prints(text), NOW_MS), undefined);
    assert.equal(await batchEnd({ PBS_JOBID: "7" }, prints(text), NOW_MS), undefined);
  }
});
