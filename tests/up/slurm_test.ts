/** `distcomp up slurm`, with a real Slurm on this machine. */

import assert from "node:assert/strict";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { core } from "../lib/cores.ts";
import { eventually, type Program, programCommand } from "../lib/processes.ts";
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
  const args = ["up", "slurm", "2", "--executable", await executable(workspace), ...options];
  const { DENO_DIR = join(homedir(), ".cache/deno") } = process.env;
  return await workspace.start(args, { env: { ...slurm.env, DENO_DIR } });
}

slowTestUnless(
  lacksSlurm,
  "workers in Slurm end with the command that has submitted them",
  async () => {
    await using slurm = await Slurm.start();
    await using workspace = await Workspace.make();
    await using program = await up(slurm, workspace, "--connect", "127.0.0.1:0", "--", "--time=5");
    await program.printed("stdout", /^submitted 2 workers to Slurm$/m);
    await eventually("one runs", async () => (await slurm.states()).includes("RUNNING"));
    program.signal("SIGINT");
    await program.endsCleanly();
    await eventually("both have ended", async () => (await slurm.states()).length === 0);
  },
);

slowTestUnless(
  lacksSlurm,
  "workers in Slurm run the jobs of a run that listens, and end when nobody needs them",
  async () => {
    await using slurm = await Slurm.start();
    await using workspace = await Workspace.make();
    await workspace.writeAll({ "inputs/a": "one", "inputs/b": "two" });
    await using program = await up(slurm, workspace, "--idle-timeout", "8s");
    const [, use = ""] = await program.printed(
      "stdout",
      /^to use them: distcomp run CORE INPUTS (.*)$/m,
    );
    const args = ["run", await core("echo"), "inputs", ...use.split(" ")];
    const { code, stderr } = await workspace.run(args);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await workspace.outputs(), { a: "one", b: "two" });
    assert.match(stderr, /waiting for workers/);
    await program.endsCleanly();
    assert.match(program.stderr, /no worker is left: they have found no work/);
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
