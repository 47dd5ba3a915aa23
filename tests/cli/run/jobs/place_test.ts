/** Where jobs run: each slot process has an empty folder of its own, of which nothing is left. */

import assert from "node:assert/strict";
import { mkdir, readdir, stat, utimes, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { core } from "../../../lib/cores.ts";
import { eventually, Program } from "../../../lib/processes.ts";
import { test, testUnless } from "../../../lib/test.ts";
import { Workspace } from "../../workspace.ts";

const PLACE = await core("place");

const JOBS = 100;
const SLOTS = 8;
const LONG_AGO_S = 1_000_000_000;

const asRoot = process.getuid?.() === 0 ? "root may write everywhere" : undefined;

/** Runs commands of the core `place`, one job each. Resolves to the outputs in order. */
async function outputsOf(
  workspace: Workspace,
  commands: readonly string[],
  options: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<string[]> {
  await workspace.write("commands", commands.map((command) => `${command}\n`).join(""));
  const run = await workspace.run(
    ["run", PLACE, "--lines", "commands", "--fresh", ...options],
    { env },
  );
  assert.equal(run.code, 0, run.stderr);
  const outputs = await workspace.outputsByNumber();
  return commands.map((_, index) => outputs[index] ?? "");
}

test("jobs that use a file with a fixed name in many slots get no other job's content", async () => {
  await using workspace = await Workspace.make();
  const commands = Array.from({ length: JOBS }, (_, index) => `scratch job ${index}`);
  const outputs = await outputsOf(workspace, commands, ["--slots", String(SLOTS)]);
  assert.deepEqual(outputs, commands.map((command) => command.slice("scratch ".length)));
});

test("a slot begins in an empty folder, which is its folder for temporary files too", async () => {
  await using workspace = await Workspace.make();
  const commands = ["entries", "cwd", "env TMPDIR", "env TMP", "env TEMP"];
  const [entries, cwd = "", ...others] = await outputsOf(workspace, commands, ["--slots", "1"]);
  assert.equal(entries, "0");
  assert.match(cwd, /distcomp-/);
  assert.deepEqual(others, [cwd, cwd, cwd]);
});

test("slots know their numbers, from 0 on, and how many they are", async () => {
  await using workspace = await Workspace.make();
  const commands = Array.from({ length: 40 }, () => "env DISTCOMP_SLOT");
  const slots = await outputsOf(workspace, [...commands, "env DISTCOMP_SLOTS"], ["--slots", "3"]);
  assert.equal(slots.pop(), "3");
  assert.deepEqual(slots.filter((slot) => !["0", "1", "2"].includes(slot)), []);
});

test("--workdir chooses where slots have their folders, and nothing of them is left there", async () => {
  await using workspace = await Workspace.make();
  await mkdir(workspace.at("disk"));
  const options = ["--slots", "2", "--workdir", "disk"];
  const [cwd = "", left = ""] = await outputsOf(workspace, ["cwd", "leave"], options);
  for (const folder of [cwd, left]) assert.equal(dirname(dirname(folder)), workspace.at("disk"));
  assert.deepEqual(await readdir(workspace.at("disk")), []);
});

test("a folder whose slot has crashed or was killed is removed, and the next process has a new one", async () => {
  await using workspace = await Workspace.make();
  await mkdir(workspace.at("disk"));
  await using worker = await workspace.start(
    ["worker", "--listen", "127.0.0.1:0", "--slots", "1", "--workdir", "disk"],
  );
  const port = await eventually("it listens", () => /:(\d+),/.exec(worker.stdout)?.[1]);
  const [own = ""] = await readdir(workspace.at("disk"));
  const folders = async () =>
    (await readdir(workspace.at(`disk/${own}`))).filter((name) => name.startsWith("work-"));
  await eventually("it has a folder", async () => (await folders()).length === 1);
  const [first = ""] = await folders();
  assert.equal((await stat(workspace.at(`disk/${own}/${first}`))).mode & 0o777, 0o700);
  await workspace.write("commands", "crash\n");
  const run = await workspace.run(
    ["run", PLACE, "--lines", "commands", "--workers", `127.0.0.1:${port}`],
  );
  assert.equal(run.code, 1, run.stderr);
  const isNext = async () => {
    const found = await folders();
    return found.length === 1 && found[0] !== first && found;
  };
  const [next] = await eventually("another process has another folder", isNext);
  assert.deepEqual(await readdir(workspace.at(`disk/${own}/${next}`)), []);
  // It has its folder a moment before it is a process that can be found.
  const [slot] = await eventually("another process is there", async () => {
    const slots = await worker.slots();
    return slots.length === 1 && slots;
  });
  process.kill(slot as number, "SIGKILL");
  const isThird = async () => {
    const found = await folders();
    return found.length === 1 && found[0] !== next;
  };
  await eventually("the folder of a killed process is gone", isThird);
});

test("a worker that starts removes the working folders of one that was killed", async () => {
  await using workspace = await Workspace.make();
  await mkdir(workspace.at("disk"));
  const args = ["worker", "--listen", "127.0.0.1:0", "--slots", "1", "--workdir", "disk"];
  const start = async (): Promise<Program> => {
    const worker = await workspace.start(args);
    await eventually("it listens", () => worker.stdout.includes("listening"));
    return worker;
  };
  await using killed = await start();
  const [left = ""] = await readdir(workspace.at("disk"));
  await using other = await start();
  await killed.kill();
  await utimes(workspace.at(`disk/${left}`), LONG_AGO_S, LONG_AGO_S);
  await using _next = await start();
  const isGone = async () => !(await readdir(workspace.at("disk"))).includes(left);
  await eventually("it is gone", isGone);
  assert.equal((await readdir(workspace.at("disk"))).length, 2, "those of living workers stay");
  assert.equal(other.stderr, "");
});

for (const command of ["worker", "run"]) {
  test(`distcomp ${command} refuses a --workdir that does not exist or is a file, and says what to do`, async () => {
    await using workspace = await Workspace.make();
    await writeFile(workspace.at("file"), "");
    const rest = command === "run" ? [PLACE, "--repeat", "1"] : ["--listen", "127.0.0.1:0"];
    const cases = [["none", /no such file or folder/], ["file", /it is not a folder/]] as const;
    for (const [folder, reason] of cases) {
      const ended = await workspace.run([command, ...rest, "--workdir", folder]);
      assert.equal(ended.code, 2);
      assert.match(ended.stderr, reason);
      assert.match(ended.stderr, /Cannot use --workdir ".*": .*; name an existing folder/);
    }
  });
}

testUnless(asRoot, "a --workdir that may not be written to is refused", async () => {
  await using workspace = await Workspace.make();
  await mkdir(workspace.at("disk"), { mode: 0o555 });
  const ended = await workspace.run(["worker", "--workdir", "disk"]);
  assert.equal(ended.code, 2);
  assert.match(ended.stderr, /Cannot use --workdir "disk": permission denied; name/);
});
