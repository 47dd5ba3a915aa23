/** Runs on machines of which some are bad, as a person would type them: real workers and a real core. */

import assert from "node:assert/strict";
import { hostname } from "node:os";
import { Session } from "../../../../mod.ts";
import { core } from "../../../lib/cores.ts";
import { type Program, startWorker } from "../../../lib/processes.ts";
import { slowTest } from "../../../lib/test.ts";
import { type Ended, Workspace } from "../../workspace.ts";

/** The name of a node on this machine. */
const NODE = new RegExp(`(?<= on )${hostname()}(#2)?`, "g");

const utf8 = new TextEncoder();

const BAD_NODE = await core("bad_node");

/** SIGILL: an instruction that the CPU lacks. */
const ILLEGAL = "signal 4";

/** Workers, one for each text: what is wrong with its machine, or nothing. */
async function startAll(wrongs: readonly string[]): Promise<Program[]> {
  return await Promise.all(
    wrongs.map((wrong) =>
      startWorker({
        slots: 1,
        ...(wrong === "" ? {} : { through: ["env", `LC_BAD_NODE=${wrong}`] }),
      })
    ),
  );
}

async function run(
  workspace: Workspace,
  lines: readonly string[],
  workers: readonly Program[],
): Promise<Ended> {
  await workspace.write("lines", lines.map((line) => `${line}\n`).join(""));
  const list = workers.map(({ port }) => `127.0.0.1:${port}`).join(",");
  return await workspace.run(["run", BAD_NODE, "--lines", "lines", "--workers", list]);
}

async function stopAll(workers: readonly Program[]): Promise<void> {
  for (const worker of workers) await worker[Symbol.asyncDispose]();
}

for (
  const [name, wrongs, jobs] of [
    [
      "no job fails on one machine that fails all jobs with an exit code, beside a good one",
      ["exit 3", ""],
      100,
    ],
    [
      "no job fails on three machines whose CPUs lack an instruction, beside a good one",
      [ILLEGAL, ILLEGAL, ILLEGAL, ""],
      8,
    ],
    [
      "no job fails on one machine that fails every second job, beside two good ones",
      ["half 3", "", ""],
      100,
    ],
  ] as const
) {
  slowTest(name, async () => {
    await using workspace = await Workspace.make();
    const workers = await startAll(wrongs);
    try {
      const lines = Array.from({ length: jobs }, (_, index) => `job ${index}`);
      const { code, stdout, stderr } = await run(workspace, lines, workers);
      assert.equal(code, 0, stdout + stderr);
      const outputs = await workspace.outputs();
      assert.deepEqual(Object.values(outputs).sort(), lines.toSorted());
      const records = await workspace.records();
      assert.equal(records.length, jobs, "one record for each job");
      assert(records.every(({ state, attempt }) => state === "done" && attempt <= 3));
    } finally {
      await stopAll(workers);
    }
  });
}

slowTest(
  "a machine on which jobs fail that pass elsewhere is set aside with its reason",
  async () => {
    await using workspace = await Workspace.make();
    const workers = await startAll(["exit 3", ""]);
    try {
      const lines = Array.from({ length: 60 }, (_, index) => `job ${index}`);
      const { stdout, stderr } = await run(workspace, lines, workers);
      const name = `127.0.0.1:${workers[0]?.port}`;
      assert.match(
        stderr,
        new RegExp(`worker ${name} is set aside: \\d+ jobs .* passed elsewhere \\(exit code 3\\)`),
      );
      assert.match(stdout, /^failed attempts: \d+ non-zero exit codes$/m);
      assert.match(stdout, /^60 jobs done/);
    } finally {
      await stopAll(workers);
    }
  },
);

slowTest(
  "a job that fails on several machines fails with their reasons, once in the journal",
  async () => {
    await using workspace = await Workspace.make();
    const workers = await startAll(["exit 3", ""]);
    try {
      const { code, stdout } = await run(workspace, ["bad", "good"], workers);
      assert.equal(code, 1);
      const records = await workspace.records();
      assert.deepEqual(records.map(({ state }) => state).sort(), ["done", "failed"]);
      const failed = records.find(({ state }) => state === "failed");
      const reasons = failed?.error?.replaceAll(NODE, "NODE").split("; ").sort();
      assert.deepEqual(reasons, ["exit code 3 on NODE", "exit code 7 on NODE"]);
      assert.equal(failed?.reason, "exit code 3; exit code 7");
      assert.match(stdout, /^1 of 2 jobs done, 1 failed/);
    } finally {
      await stopAll(workers);
    }
  },
);

slowTest(
  "a session has the same: good jobs are done on a good machine, and an error names both machines",
  async () => {
    const workers = await startAll(["exit 3", ""]);
    try {
      const addresses = workers.map(({ port }) => `127.0.0.1:${port}`);
      await using session = await Session.open({ core: BAD_NODE, workers: addresses });
      const inputs = Array.from({ length: 40 }, (_, index) => utf8.encode(`job ${index}`));
      let done = 0;
      for await (const result of session.map(inputs)) {
        assert(result.ok, `job ${result.index} failed`);
        assert.deepEqual(new Uint8Array(result.output), inputs[result.index]);
        done += 1;
      }
      assert.equal(done, inputs.length);
    } finally {
      await stopAll(workers);
    }
    const both = await startAll(["exit 3", "exit 3"]);
    try {
      const addresses = both.map(({ port }) => `127.0.0.1:${port}`);
      await using session = await Session.open({ core: BAD_NODE, workers: addresses });
      await assert.rejects(session.run(utf8.encode("job")), (error: Error) => {
        assert.equal(error.message, `exit code 3 on ${hostname()} and ${hostname()}#2`);
        return true;
      });
    } finally {
      await stopAll(both);
    }
  },
);
