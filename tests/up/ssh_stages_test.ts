/** A run with `--ssh` that ends at any stage leaves nothing on its nodes, and no ssh here. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { once } from "node:events";
import { core } from "../lib/cores.ts";
import { eventually, type Program, type Signal } from "../lib/processes.ts";
import { lacksSshd, processesWith, Sshd } from "../lib/sshd.ts";
import { slowTestUnless } from "../lib/test.ts";
import { Workspace } from "../cli/workspace.ts";

const SIGNALS: readonly Signal[] = ["SIGINT", "SIGTERM", "SIGKILL"];

/** What `cat` is on a node to which a copy takes minutes. It ends with its input. */
const SLOW_CAT = `while :; do
  bytes=$(head -c 4096 | tee /dev/fd/3 | wc -c)
  [ "$bytes" -eq 0 ] && exit
  sleep 0.1
done 3>&1`;

const EXECUTABLE_BYTES = 8 * 1024 * 1024;

/** Starts a run for each signal, and sends it as soon as the stage is reached. */
function stage(
  name: string,
  programs: Readonly<Record<string, string>>,
  start: (sshd: Sshd, workspace: Workspace) => Promise<Program>,
  signals = SIGNALS,
): void {
  slowTestUnless(lacksSshd, name, async () => {
    await using sshd = await Sshd.start(programs);
    const large = `${readFileSync(sshd.executable, "utf8")}exit\n#${
      "x".repeat(EXECUTABLE_BYTES)
    }\n`;
    writeFileSync(sshd.executable, large, { mode: 0o755 });
    for (const signal of signals) {
      await using workspace = await Workspace.make();
      await workspace.write("jobs", "sleep 300000\n".repeat(8));
      await using program = await start(sshd, workspace);
      program.signal(signal);
      const { code } = await program.exited;
      assert.equal(code, signal === "SIGKILL" ? null : 130, program.stderr);
      await sshd.isQuiet();
      await eventually("no ssh is left", () => processesWith(sshd.env.PATH ?? "").length === 0);
      assert(sshd.copies.length <= 1, "no part of a copy is left");
    }
  });
}

async function run(sshd: Sshd, workspace: Workspace, name: string, hosts: string) {
  const args = ["run", await core(name), "--lines", "jobs", "--ssh", hosts];
  return await workspace.start([...args, "--executable", sshd.executable], { env: sshd.env });
}

/** Waits until a command runs on a node. */
async function runs(sshd: Sshd, text: string): Promise<void> {
  await eventually(text, () => sshd.running.some((command) => command.includes(text)));
}

stage(
  "a run that ends while a host says nothing leaves no ssh",
  {},
  async (sshd, workspace) => {
    const silent = createServer(() => {}).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as { port: number };
    sshd.addHost("silent", port);
    let socket: Socket | undefined;
    silent.once("connection", (it) => socket = it);
    const program = await run(sshd, workspace, "echo", "silent");
    await eventually("ssh has connected", () => socket);
    silent.close();
    return program;
  },
);

stage(
  "a run that ends while its executable is copied leaves no part of it",
  { cat: SLOW_CAT },
  async (sshd, workspace) => {
    const program = await run(sshd, workspace, "echo", "node[1-2]:1");
    await runs(sshd, "tee /dev/fd/3");
    return program;
  },
);

stage(
  "a run that ends while its core is loaded leaves no slot",
  {},
  async (sshd, workspace) => {
    const program = await run(sshd, workspace, "init_hangs", "node1:1");
    await runs(sshd, " slot ");
    return program;
  },
);

stage(
  "a run that ends at once while it waits for its jobs leaves nothing",
  {},
  async (sshd, workspace) => {
    const program = await run(sshd, workspace, "behave", "node1:1");
    await program.printed("stderr", / joined/);
    await eventually("a job runs", () => {
      program.signal("SIGUSR2");
      return /^ {2}running for /m.test(program.stderr);
    });
    program.signal("SIGINT");
    await program.printed("stderr", /^finishing 1 running job; /m);
    return program;
  },
);
