/** Batch systems: what is said to them, and what they say. The texts are those of real ones. */

import assert from "node:assert/strict";
import { BATCH_SYSTEMS } from "../../up/batch_system.ts";
import { FailingWorkersError } from "../../up/batch_error.ts";
import { BatchWorkers, type RunCommand } from "../../up/batch_workers.ts";
import { test } from "../lib/test.ts";

const { slurm, pbs } = BATCH_SYSTEMS;
const HOUR_MS = 3_600_000;

test("Slurm gets an array, and says how its jobs are", () => {
  assert.deepEqual(slurm.submit("/tmp/w", 3, ["--time=60"]).slice(0, 3), [
    "sbatch",
    "--parsable",
    "--array=1-3",
  ]);
  assert.deepEqual(slurm.submitted("712\n", 2), ["712_1", "712_2"]);
  assert.deepEqual(slurm.submitted("712;big\n", 1), ["712_1;big"]);
  assert.deepEqual(slurm.submitted("sbatch: error: no\n", 1), []);
  const text = "712_1|RUNNING|1-01:00:30|2-00:00:00|64|None\n" +
    "712_2|PENDING|0:00|4:00:00|16|QOSMaxCpuPerUserLimit\n" +
    "712_3|TIMEOUT|4:00:03|4:00:00|1|TimeLimit\n712_4|RUNNING|5:00|UNLIMITED|1|None\n";
  const day = { state: "running", usedMs: 25 * HOUR_MS + 30_000, limitMs: 48 * HOUR_MS, cpus: 64 };
  const waiting = { state: "waiting", usedMs: 0, limitMs: 4 * HOUR_MS, cpus: 16 };
  assert.deepEqual(slurm.listed(text), [
    { id: "712_1", ...day },
    { id: "712_2", ...waiting, reason: "QOSMaxCpuPerUserLimit" },
    { id: "712_3", state: "ended", usedMs: 4 * HOUR_MS + 3_000, limitMs: 4 * HOUR_MS, cpus: 1 },
    { id: "712_4", state: "running", usedMs: 300_000, limitMs: Infinity, cpus: 1 },
  ]);
  assert.deepEqual(slurm.cancelAll(["712_1", "712_2", "713_1"]), [["scancel", "712", "713"]]);
  assert.deepEqual(slurm.cancel(["712_2"]), [["scancel", "712_2"]]);
});

test("jobs of another cluster of Slurm are asked for and canceled there", () => {
  const ids = ["7_1", "7_1;west", "7_2;west", "8_1;east-2"];
  const west = "7_1;west|RUNNING|5:00|1:00:00|4|None\n";
  assert.deepEqual(slurm.listed(`CLUSTER: west\n${west}`).map(({ id }) => id), ["7_1;west"]);
  const [here, there] = slurm.list(ids);
  assert.deepEqual(here?.slice(-2), ["--jobs=7", "--format=%i|%T|%M|%l|%C|%r"]);
  assert.deepEqual(there?.slice(0, 2), ["squeue", "--clusters=west"]);
  assert.deepEqual(there?.slice(-2), ["--jobs=7", "--format=%i;west|%T|%M|%l|%C|%r"]);
  assert.deepEqual(slurm.cancelAll(ids), [
    ["scancel", "7"],
    ["scancel", "--clusters=west", "7"],
    ["scancel", "--clusters=east-2", "8"],
  ]);
  assert.deepEqual(slurm.cancel(["7_2;west"]), [["scancel", "--clusters=west", "7_2"]]);
});

test("a job has ended only in the states in which it has", () => {
  const state = (word: string) => slurm.listed(`7_1|${word}|0:00|1:00:00|4|None\n`)[0]?.state;
  for (const word of ["COMPLETED", "CANCELLED", "NODE_FAIL", "OUT_OF_MEMORY", "REVOKED"]) {
    assert.equal(state(word), "ended", word);
  }
  for (const word of ["PENDING", "SPECIAL_EXIT", "RESV_DEL_HOLD", "REQUEUE_FED"]) {
    assert.equal(state(word), "waiting", word);
  }
  for (const word of ["RUNNING", "COMPLETING", "STOPPED", "RESIZING", "OF_A_LATER_SLURM"]) {
    assert.equal(state(word), "running", word);
  }
  const pbsState = (letter: string) => pbs.listed(`Job Id: 1\n job_state = ${letter}\n`)[0]?.state;
  assert.deepEqual([..."QHWTSU"].map(pbsState), Array(6).fill("waiting"));
  assert.deepEqual([..."RBEM"].map(pbsState), Array(4).fill("running"));
  assert.deepEqual([..."CFX"].map(pbsState), Array(3).fill("ended"));
});

test("PBS gets one job after the other, and says how they are", () => {
  assert.deepEqual(pbs.submit("/tmp/w", 1, ["-q", "short"]).slice(-3), ["-q", "short", "/tmp/w"]);
  assert.deepEqual(pbs.submitted("12.head.cluster\n", 1), ["12.head.cluster"]);
  const text = `Job Id: 12.head
    Job_Name = distcomp
    resources_used.walltime = 00:10:00
    job_state = R
    Resource_List.ncpus = 32
    Resource_List.walltime = 02:00:00

Job Id: 13.head
    job_state = Q
    comment = Not Running: Not enough free nodes available
    Resource_List.nodes = 1:ppn=8
    Resource_List.walltime = 02:00:00

Job Id: 14.head
    job_state = F
`;
  const limitMs = 2 * HOUR_MS;
  const reason = "Not enough free nodes available";
  assert.deepEqual(pbs.listed(text), [
    { id: "12.head", state: "running", usedMs: 600_000, limitMs, cpus: 32 },
    { id: "13.head", state: "waiting", usedMs: 0, limitMs, cpus: 8, reason },
    { id: "14.head", state: "ended", usedMs: 0, limitMs: Infinity, cpus: 0 },
  ]);
});

/** Slurm as a script of what it prints. */
function workersThatGet(answers: readonly string[]): BatchWorkers {
  const left = [...answers];
  return new BatchWorkers(
    slurm,
    () => {
      const stdout = left.shift() ?? assert.fail("one command too many");
      return Promise.resolve({ end: { exitCode: 0 }, stdout, stderr: "" });
    },
    "script",
    [],
  );
}

test("a worker whose time is over has not ended idle, and one with much of its time left has", async () => {
  const workers = workersThatGet([
    "7",
    "7_1|RUNNING|50:00|1:00:00|4|\n7_2|RUNNING|50:00|1:00:00|4|\n7_3|PENDING|0:00|1:00:00|4|Priority\n",
    "7_1|COMPLETED|58:00|1:00:00|4|\n7_2|COMPLETED|20:00|1:00:00|4|\n7_3|RUNNING|2:00|1:00:00|4|\n",
  ]);
  await workers.submit(3);
  assert.equal(workers.slotsEach, undefined);
  await workers.look();
  assert.deepEqual([workers.running, workers.alive, workers.slotsEach], [2, 3, 4]);
  assert.equal(workers.waitsFor, "Priority");
  await workers.look();
  assert.deepEqual([workers.running, workers.alive, workers.waitsFor], [1, 1, undefined]);
  assert.deepEqual([workers.ended, workers.idle], [2, 1]);
});

test("workers of several clusters are looked at together, and all are canceled", async () => {
  const asked: string[] = [];
  const submitted = ["7;west", "7;east"];
  const run: RunCommand = ([program = "", where = ""]) => {
    asked.push(`${program} ${where}`);
    const cluster = where.replace("--clusters=", "");
    const stdout = program === "sbatch"
      ? submitted.shift()
      : `7_1;${cluster}|${cluster === "east" ? "RUNNING" : "STOPPED"}|5:00|1:00:00|4|None\n`;
    return Promise.resolve({ end: { exitCode: 0 }, stdout: stdout ?? "", stderr: "" });
  };
  const workers = new BatchWorkers(slurm, run, "script", []);
  await workers.submit(1);
  await workers.submit(1);
  await workers.look();
  assert.deepEqual([workers.running, workers.alive, workers.ended], [2, 2, 0]);
  await workers.cancel();
  const places = ["--clusters=west", "--clusters=east"];
  assert.deepEqual(asked.slice(2), [
    ...places.map((place) => `squeue ${place}`),
    ...places.map((place) => `scancel ${place}`),
  ]);
});

test("while the batch system does not answer, its workers count as before", async () => {
  const down = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n";
  const problems = ["", down, "sbatch: error: Unable to contact slurm controller\n", ""];
  problems.push("slurm_load_jobs error: Invalid job id specified\n");
  const run: RunCommand = () => {
    const stderr = problems.shift() ?? assert.fail("one command too many");
    return Promise.resolve({ end: { exitCode: stderr === "" ? 0 : 1 }, stdout: "7", stderr });
  };
  const workers = new BatchWorkers(slurm, run, "script", []);
  await workers.submit(1);
  await workers.look();
  assert.deepEqual([workers.ended, workers.alive], [0, 1]);
  assert.match((await workers.trySubmit(1))?.message ?? "", /Unable to contact slurm controller$/);
  assert.equal(await workers.trySubmit(1), undefined);
  await workers.look();
  assert.equal(workers.alive, 0, "it does not know them any more");
});

test("after some workers that end at once, no more are submitted, and the error names their jobs", async () => {
  const failed = "7_1|FAILED|0:01|1:00:00\n7_2|FAILED|0:00|1:00:00\n7_3|FAILED|0:02|1:00:00\n";
  const workers = workersThatGet(["7", failed]);
  await workers.submit(3);
  await assert.rejects(workers.look(), (error: FailingWorkersError) => {
    assert(error instanceof FailingWorkersError);
    assert.deepEqual(error.jobs, ["7_1", "7_2", "7_3"]);
    return true;
  });
});

test("workers that are canceled before they run count neither as alive nor as failed", async () => {
  const workers = workersThatGet([
    "7",
    "",
    "7_1|RUNNING|1:00|1:00:00\n7_2|CANCELLED|0:00|1:00:00\n7_3|COMPLETING|0:01|1:00:00\n7_4|CANCELLED|0:00|1:00:00\n",
    "7_1|RUNNING|1:00|1:00:00\n",
  ]);
  await workers.submit(4);
  assert.equal(await workers.cancelWaiting(3), 3);
  assert.equal(workers.alive, 1);
  await workers.look();
  assert.deepEqual([workers.alive, workers.running, workers.ended], [1, 1, 0]);
  await workers.look();
  assert.deepEqual([workers.alive, workers.running, workers.ended], [1, 1, 0], "one had begun");
});

test("a command that finds some workers ended already has canceled the others", async () => {
  const answers = ["1.pbs\n", "2.pbs\n", undefined, "Connection refused"];
  const run: RunCommand = () => {
    const stdout = answers.shift();
    const stderr = stdout === undefined ? "qdel: Unknown Job Id 1.pbs\n" : `qdel: ${stdout}\n`;
    const exitCode = stdout?.endsWith("\n") ? 0 : 1;
    return Promise.resolve({ end: { exitCode }, stdout: stdout ?? "", stderr });
  };
  const workers = new BatchWorkers(BATCH_SYSTEMS.pbs, run, "script", []);
  await workers.submit(2);
  assert.equal(await workers.cancelWaiting(1), 1);
  assert.equal(workers.alive, 1, "the one that was canceled is not waited for");
  await assert.rejects(workers.cancelWaiting(1), /^BatchError: qdel: Connection refused$/);
  assert.equal(workers.alive, 1);
});

test("whether a script would be accepted is asked first, and a full cluster is no refusal", async () => {
  const said: string[] = [];
  const answers = [
    "allocation failure: Requested nodes are busy",
    "allocation failure: Invalid partition name specified",
  ];
  const run: RunCommand = (command) => {
    said.push(command.join(" "));
    return Promise.resolve({ end: { exitCode: 1 }, stdout: "", stderr: answers.shift() ?? "" });
  };
  const workers = new BatchWorkers(slurm, run, "script", ["-p", "x"]);
  await workers.check();
  await assert.rejects(workers.check(), /^BatchError: sbatch: allocation failure: Invalid part/);
  assert.equal(said[0], "sbatch --test-only --array=1-1 -p x script");
});

test("workers that end at once count only if none has worked since", async () => {
  const workers = workersThatGet([
    "7",
    "7_1|FAILED|0:01|1:00:00\n7_2|FAILED|0:00|1:00:00\n7_3|RUNNING|1:00|1:00:00\n7_4|RUNNING|1:00|1:00:00\n",
    "7_3|COMPLETED|2:00|1:00:00\n7_4|FAILED|0:01|1:00:00\n",
  ]);
  await workers.submit(4);
  await workers.look();
  await workers.look();
  assert.equal(workers.alive, 0);
});

test("more workers than fit in one array are submitted as several", async () => {
  const sizes: string[] = [];
  const run: RunCommand = (command) => {
    sizes.push(command.find((part) => part.startsWith("--array=")) ?? "none");
    return Promise.resolve({ end: { exitCode: 0 }, stdout: `${sizes.length}`, stderr: "" });
  };
  const workers = new BatchWorkers(slurm, run, "script", []);
  await workers.submit(slurm.arrayMax + 1);
  assert.deepEqual(sizes, [`--array=1-${slurm.arrayMax}`, "--array=1-1"]);
  assert.equal(workers.alive, slurm.arrayMax + 1);
});

test("a batch system that is not there, and one that refuses, are one line", async () => {
  const missing = new BatchWorkers(
    slurm,
    () => Promise.reject(new Error("No such file or directory")),
    "s",
    [],
  );
  await assert.rejects(missing.submit(1), /^BatchError: Cannot run sbatch: No such file/);
  const refusals: [string, RegExp][] = [
    [
      "sbatch: error: x\nsbatch: error: Batch job submission failed: Invalid account\n",
      /^BatchError: sbatch: error: Batch job submission failed: Invalid account$/,
    ],
    [
      "sbatch: unrecognized option '--x'\nTry \"sbatch --help\" for more information\n",
      /^BatchError: sbatch: unrecognized option '--x'$/,
    ],
    ["", /^BatchError: sbatch: it has ended with 1$/],
  ];
  for (const [stderr, message] of refusals) {
    const run = () => Promise.resolve({ end: { exitCode: 1 }, stdout: "", stderr });
    await assert.rejects(new BatchWorkers(slurm, run, "s", []).submit(1), message);
  }
});
