/** `run --ssh`, with a real sshd on this machine. */

import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { core } from "../lib/cores.ts";
import { lacksSshd, Sshd } from "../lib/sshd.ts";
import type { Program } from "../lib/processes.ts";
import { slowTestUnless, testUnless } from "../lib/test.ts";
import { type Ended, Workspace } from "../cli/workspace.ts";

type Body = (sshd: Sshd, workspace: Workspace) => Promise<void>;

const test = (name: string, body: Body) => slowTestUnless(lacksSshd, name, withSshd(body));
const quickTest = (name: string, body: Body) => testUnless(lacksSshd, name, withSshd(body));

function withSshd(body: Body): () => Promise<void> {
  return async () => {
    await using sshd = await Sshd.start();
    await using workspace = await Workspace.make();
    await workspace.writeAll({ "inputs/a": "one", "inputs/b": "two", "inputs/c": "three" });
    await body(sshd, workspace);
    await sshd.isQuiet();
  };
}

async function run(
  sshd: Sshd,
  workspace: Workspace,
  ...options: readonly string[]
): Promise<Ended> {
  const args = ["run", await core("echo"), "inputs", "--executable", sshd.executable, ...options];
  return await workspace.run(args, { env: sshd.env });
}

quickTest(
  "a run starts its workers by ssh, copies the executable once, and ends them",
  async (sshd, workspace) => {
    const { code, stderr } = await run(sshd, workspace, "--ssh", "node[1-2]:1");
    assert.equal(code, 0, stderr);
    assert.deepEqual(await workspace.outputs(), { a: "one", b: "two", c: "three" });
    assert.equal(sshd.copies.length, 1);
    assert.match((await workspace.records())[0]?.worker ?? "", /^ssh:\/\/node[12]$/);
  },
);

test(
  "what ssh says about a node is one line, and the other nodes do the work",
  async (sshd, workspace) => {
    const hosts = "node1:1,stranger,closed,unknown";
    const { code, stderr } = await run(sshd, workspace, "--ssh", hosts);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /ssh:\/\/stranger: .*Permission denied \(publickey.*\)$/m);
    assert.match(stderr, /ssh:\/\/closed: .*Connection refused/);
    assert.match(stderr, /ssh:\/\/unknown: Host key verification failed$/m);
    assert.equal(stderr.match(/^warning:/gm)?.length, 3, stderr);
  },
);

test(
  "a run whose nodes have all failed ends with status 3 and says why",
  async (sshd, workspace) => {
    const { code, stderr } = await run(sshd, workspace, "--ssh", "stranger");
    assert.equal(code, 3);
    assert.match(stderr, /No worker can be used: ssh:\/\/stranger: .*Permission denied/);
  },
);

test("a node whose disk is full says so", async (sshd, workspace) => {
  writeFileSync(join(sshd.folder, "cache"), ""); // no folder can be made there
  const { code, stderr } = await run(sshd, workspace, "--ssh", "node1");
  assert.equal(code, 3);
  assert.match(stderr, /ssh:\/\/node1: mkdir: cannot create directory/);
});

slowTestUnless(
  lacksSshd,
  "a node of another platform gets the executable beside this one, or says what is missing",
  async () => {
    await using sshd = await Sshd.start({
      uname: 'test "$1" = -m && echo aarch64 || exec /usr/bin/uname "$@"',
    });
    await using workspace = await Workspace.make();
    await workspace.write("inputs/a", "one");
    const missing = await run(sshd, workspace, "--ssh", "node1:1");
    assert.equal(missing.code, 3);
    assert.match(
      missing.stderr,
      /ssh:\/\/node1: it is linux-arm64, and there is no executable for that beside this one \(linux-x64\)/,
    );
    copyFileSync(sshd.executable, join(sshd.folder, "distcomp-linux-arm64"));
    const { code, stderr } = await run(sshd, workspace, "--ssh", "node1:1");
    assert.equal(code, 0, stderr);
    assert.equal(sshd.copies.length, 1);
    await sshd.isQuiet();
  },
);

/** Starts a run on two nodes, and returns when they work. */
async function started(sshd: Sshd, workspace: Workspace): Promise<Program> {
  await workspace.write("jobs", "sleep 300\n".repeat(1000));
  const args = ["run", await core("behave"), "--lines", "jobs", "--ssh", "node[1-2]:1"];
  const options = ["--executable", sshd.executable];
  const program = await workspace.start([...args, ...options], { env: sshd.env });
  await program.printed("stderr", /^[1-9]\d*\/1,000 jobs/m);
  assert(sshd.running.length > 0);
  return program;
}

for (const signal of ["SIGINT", "SIGHUP"] as const) {
  test(`a run that gets ${signal} leaves nothing on its nodes`, async (sshd, workspace) => {
    await using program = await started(sshd, workspace);
    program.signal(signal);
    await program.endsCleanly(130);
    await sshd.isQuiet();
  });
}

test("a run that is killed leaves nothing on its nodes", async (sshd, workspace) => {
  await using program = await started(sshd, workspace);
  await program.kill();
  await sshd.isQuiet();
});
