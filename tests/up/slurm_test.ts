/** `distcomp up slurm`, with a real Slurm on this machine. */

import assert from "node:assert/strict";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { core } from "../lib/cores.ts";
import { eventually, type Program } from "../lib/processes.ts";
import { programCommand } from "../lib/program_commands.ts";
import { BATCH_SYSTEMS } from "../../up/batch_system.ts";
import { BatchWorkers, type RunCommand } from "../../up/batch_workers.ts";
import { lacksSlurm, Slurm } from "../lib/slurm.ts";
import { slowTestUnless } from "../lib/test.ts";
import { Workspace } from "../cli/workspace.ts";

/** An executable of distcomp, as far as this machine is concerned. */
async function executable(workspace: Workspace): Promise<string> {
  const { DENO_DIR = join(homedir(), ".cache/deno") } = process.env;
  const script = `#!/bin/sh\nDENO_DIR=${DENO_DIR} exec ${programCommand().join(" ")} "$@"\n`;
  const path = await workspace.write("distcomp", script);
  const { chmod } = await import("node:fs/promises");
  await chmod(path, 0o755);
  return path;
}

async function up(
  slurm: Slurm,
  workspace: Workspace,
  ...options: readonly string[]
): Promise<Program> {
  const args = ["up", "slurm", "5", "--executable", await executable(workspace), ...options];
  const { DENO_DIR = join(homedir(), ".cache/deno") } = process.env;
  const env = { ...slurm.env, DENO_DIR, ...runtimeFolder(workspace) };
  return await workspace.start(args, { env });
}

/** Where commands of one user find its runs. */
function runtimeFolder(workspace: Workspace): Record<string, string> {
  return { XDG_RUNTIME_DIR: workspace.path };
}

/** Starts the run that `program` says how to type. */
async function run(program: Program, workspace: Workspace, lines: string): Promise<Program> {
  await workspace.write("jobs", lines);
  const [, use = ""] = await program.printed(
    "stdout",
    /^to use up to 5 workers of Slurm: \S*distcomp run CORE INPUTS (.*)$/m,
  );
  const args = ["run", await core("behave"), "--lines", "jobs", ...use.split(" ")];
  return await workspace.start(args, { env: runtimeFolder(workspace) });
}

slowTestUnless(
  lacksSlurm,
  "a run gets as many workers of Slurm as it needs, and they end with it",
  async () => {
    await using slurm = await Slurm.start();
    await using workspace = await Workspace.make();
    await using program = await up(slurm, workspace);
    await using ends = await run(program, workspace, "sleep 100\n".repeat(3));
    assert.deepEqual(await slurm.states(), [], "there is no work yet");
    await ends.endsCleanly();
    assert.match(ends.stderr, /waiting for workers/);
    assert.equal(Object.keys(await workspace.outputs()).length, 3);
    assert.deepEqual(await program.exited, { code: 0, signal: null }, program.stderr);
    assert.match(program.stderr, /^submitted 1 worker to Slurm$/m);
    assert.match(program.stderr, /^submitted 2 workers to Slurm$/m);
    assert.match(program.stderr, /^the run has ended: ending its workers$/m);
    await eventually("all have ended", async () => (await slurm.states()).length === 0);
    await eventually("no file is left", async () => (await program.files()).length === 0);
  },
);

slowTestUnless(
  lacksSlurm,
  "workers in Slurm end with the command that has submitted them, and the run waits for others",
  async () => {
    await using slurm = await Slurm.start();
    await using workspace = await Workspace.make();
    await using program = await up(slurm, workspace, "--", "--time=5");
    await using waits = await run(program, workspace, "sleep 300000\n".repeat(4));
    await waits.printed("stderr", /worker \S+.* joined/);
    await program.printed("stderr", /^submitted 3 workers to Slurm$/m);
    program.signal("SIGINT");
    assert.deepEqual(await program.exited, { code: 0, signal: null }, program.stderr);
    await eventually("all have ended", async () => (await slurm.states()).length === 0);
    await waits.printed("stderr", /worker \S+.* is draining/);
    waits.signal("SIGINT");
    await waits.endsCleanly(130);
    await program.leavesNoProcess();
  },
);

slowTestUnless(
  lacksSlurm,
  "a worker in a job of Slurm knows its time without being told",
  async () => {
    await using slurm = await Slurm.start();
    await using workspace = await Workspace.make();
    await workspace.write("jobs", "sleep 10\n".repeat(20));
    const args = ["run", await core("behave"), "--lines", "jobs"];
    await using ends = await workspace.start([...args, "--listen", "127.0.0.1:0"]);
    const [, address = ""] = await ends.printed("stderr", /waiting for workers on (\S+)/);
    const worker = [await executable(workspace), "worker", "--connect", address];
    const shell = ["sh", "-c", 'exec "$0" "$@" 2>&1'];
    const options = ["--idle-timeout", "2s"];
    const printed = await slurm.run("srun", "--time=5", ...shell, ...worker, ...options);
    assert.match(printed, /ending within [45]m.*, which Slurm gives it/);
    await ends.endsCleanly();
  },
);

slowTestUnless(
  lacksSlurm,
  "some workers that wait in Slurm are canceled, and the others of their array stay",
  async () => {
    await using slurm = await Slurm.start();
    await using workspace = await Workspace.make();
    const script = await workspace.write("script", "#!/bin/sh\nexec sleep 1000\n");
    const run: RunCommand = async ([program = "", ...args]) => {
      const stdout = await slurm.run(program, ...args);
      return { end: { exitCode: 0 }, stdout, stderr: "" };
    };
    const workers = new BatchWorkers(BATCH_SYSTEMS.slurm, run, script, []);
    await workers.submit(5);
    assert.equal(await workers.cancelWaiting(2), 2);
    await eventually("two are gone", async () => (await slurm.states()).length === 3);
    await workers.look();
    assert.deepEqual([workers.alive, workers.ended], [3, 0]);
    await workers.cancel();
    await eventually("all are gone", async () => (await slurm.states()).length === 0);
  },
);

slowTestUnless(lacksSlurm, "what sbatch refuses is one line, and nothing is left", async () => {
  await using slurm = await Slurm.start();
  await using workspace = await Workspace.make();
  await using program = await up(slurm, workspace, "--", "--partition=missing");
  await program.endsCleanly(3);
  assert.match(program.stderr, /^distcomp: sbatch: .*[Ii]nvalid partition.*\n$/);
  assert.deepEqual(await slurm.states(), []);
});
