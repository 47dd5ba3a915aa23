/**
 * Links that somebody has put into an output folder, to have `distcomp run` overwrite, empty or remove files elsewhere
 * with the rights of its user.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { SharedWorker } from "../cli/shared_worker.ts";
import { Workspace } from "../cli/workspace.ts";
import { core } from "../lib/cores.ts";
import { slowTestUnless, test } from "../lib/test.ts";

const ECHO = await core("echo");
const BEHAVE = await core("behave");
const WORKER = await SharedWorker.start(BEHAVE);

const notLinux = process.platform === "linux" ? undefined : "a race can be won here";

/** What lies elsewhere, and must stay as it is. */
const VICTIM = {
  "victim/file": "precious",
  "victim/sub/file": "precious",
  "victim/jobs.jsonl": "precious\n",
};

async function prepared(options: readonly string[] = []): Promise<Workspace> {
  // Only a worker of the run's own writes core dumps there.
  const workspace = await Workspace.make(options.includes("--keep-crashes") ? undefined : WORKER);
  await workspace.writeAll({ "in/a": "stdout line", "in/sub/deep/b": "echo 2", "in/z": "crash" });
  await workspace.writeAll(VICTIM);
  await mkdir(workspace.at("outputs"));
  return workspace;
}

async function plant(workspace: Workspace, path: string, target: string): Promise<void> {
  const link = workspace.at(`outputs/${path}`);
  await mkdir(dirname(link), { recursive: true });
  await symlink(workspace.at(`victim/${target}`), link);
}

async function checkVictim(workspace: Workspace): Promise<void> {
  const root = workspace.at("victim");
  const found = (await readdir(root, { recursive: true })).sort();
  assert.deepEqual(found, ["file", "jobs.jsonl", "sub", "sub/file"]);
  for (const [name, content] of Object.entries(VICTIM)) {
    assert.equal(await readFile(workspace.at(name), "utf8"), content);
  }
}

/** Links with which a run does not begin, or ends: it names the link. */
const REFUSED: [path: string, target: string, options?: string[]][] = [
  [".distcomp", ""],
  [".distcomp/jobs.jsonl", "jobs.jsonl"],
  [".distcomp/jobs.jsonl", "new"],
  [".distcomp/lock", "file"],
  [".distcomp/lock", "new"],
  [".distcomp/lock.claim", "file"],
  [".distcomp/crashes", "", ["--keep-crashes"]],
  ["sub", ""],
  ["sub", "new"],
  ["sub/deep", "sub"],
];

for (const [path, target, options = []] of REFUSED) {
  test(`a run names a link at ${path} to victim/${target} and follows it not even with --fresh`, async () => {
    await using workspace = await prepared(options);
    await plant(workspace, path, target);
    const args = ["run", BEHAVE, "in", "--crash-limit", "1", ...options];
    for (const mode of [[], ["--fresh"]]) {
      const run = await workspace.run([...args, ...mode]);
      await checkVictim(workspace);
      assert.equal(run.code, 2, run.stderr);
      const says = `"outputs/${path}" is a link, and links inside "outputs" are not followed; `;
      assert(run.stderr.includes(says), run.stderr);
      assert((await lstat(workspace.at(`outputs/${path}`))).isSymbolicLink());
    }
  });
}

/** Links that a run replaces or removes, or that keep only something else than outputs from being written. */
const HARMLESS: [what: string, links: Record<string, string>, options?: string[]][] = [
  ["an output and a leftover", {
    "a": "file",
    ".distcomp/unfinished-1": "sub",
  }],
  ["an output that is a folder", { "a": "sub" }],
  ["an output that is nowhere", { "a": "new" }],
  ["the folder of what cores print", { ".distcomp/output": "" }, ["--core-output", "keep"]],
  ["a file of what cores print", { ".distcomp/output/a": "file" }, ["--core-output", "keep"]],
  ["kept crashes", {
    ".distcomp/crashes/.dumps": "sub",
    ".distcomp/crashes/z": "sub",
  }, ["--keep-crashes"]],
  ["a kept crash", { ".distcomp/crashes/z": "file" }, ["--keep-crashes"]],
];

for (const [what, links, options = []] of HARMLESS) {
  test(`a run completes, and follows no link, where there are links in the place of ${what}`, async () => {
    await using workspace = await prepared(options);
    for (const [path, target] of Object.entries(links)) await plant(workspace, path, target);
    const args = ["run", BEHAVE, "in", "--crash-limit", "1", ...options];
    for (const mode of [[], ["--fresh"]]) {
      const run = await workspace.run([...args, ...mode]);
      assert.equal(run.code, 1, run.stderr); // a job crashes
      const outputs = { a: "line", "sub/deep/b": "2" };
      assert.deepEqual(await workspace.outputs(), outputs);
      await checkVictim(workspace);
    }
  });
}

test("links that are put in place between two runs are not followed by the second", async () => {
  await using workspace = await prepared();
  const args = ["run", BEHAVE, "in", "--crash-limit", "1"];
  assert.equal((await workspace.run(args)).code, 1);
  await workspace.write("in/sub/deep/b", "echo changed");
  await workspace.write("in/sub/deep/crashes", "crash");
  for (const path of ["sub/deep", "sub", ".distcomp/jobs.jsonl", ".distcomp"]) {
    await rename(workspace.at(`outputs/${path}`), workspace.at("aside"));
    await plant(workspace, path, path.endsWith("jsonl") ? "jobs.jsonl" : "");
    const run = await workspace.run(args);
    await checkVictim(workspace);
    assert.equal(run.code, 2, run.stderr);
    assert(run.stderr.includes(`"outputs/${path}" is a link`), run.stderr);
    await rm(workspace.at(`outputs/${path}`));
    await rename(workspace.at("aside"), workspace.at(`outputs/${path}`));
  }
  assert.equal((await workspace.run(args)).code, 1);
  assert.deepEqual(await workspace.outputs(), { a: "line", "sub/deep/b": "changed" });
});

test("the output folder itself may be a link, and so may the inputs", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "1", "in/sub/b": "2" });
  await mkdir(workspace.at("elsewhere"));
  await symlink("elsewhere", workspace.at("outputs"));
  await symlink("in", workspace.at("named"));
  const run = await workspace.run(["run", ECHO, "named"]);
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(await workspace.outputs("elsewhere"), { a: "1", "sub/b": "2" });
});

slowTestUnless(
  notLinux,
  "runs write nothing elsewhere while somebody swaps their folders for links",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.writeAll(VICTIM);
    for (let index = 0; index < 2_000; index++) {
      await workspace.write(`in/${index % 2 === 0 ? "sub" : "deep/sub"}/${index}`, "x");
    }
    await mkdir(workspace.at("outputs"));
    const attack = `
      import { renameSync, symlinkSync, unlinkSync } from "node:fs";
      console.log("ready");
      for (let round = 0;; round++) {
        for (const folder of ["sub", "deep", "deep/sub", ".distcomp"]) {
          const aside = "../aside-" + round;
          try {
            renameSync(folder, aside);
            symlinkSync(${JSON.stringify(workspace.at("victim"))}, folder);
            unlinkSync(folder);
            renameSync(aside, folder);
          } catch {} // it is not there yet, or the run has made it again
        }
      }`;
    await writeFile(workspace.at("attack.ts"), attack);
    const flags = process.versions.bun ? [] : ["-A", "--quiet"];
    const attacker = spawn(process.execPath, ["run", ...flags, workspace.at("attack.ts")], {
      cwd: workspace.at("outputs"),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(attacker, "close");
    try {
      await once(attacker.stdout, "data");
      for (let round = 0; round < 6; round++) {
        await workspace.run(["run", ECHO, "in", ...round % 2 === 0 ? [] : ["--fresh"]]);
        await checkVictim(workspace);
      }
    } finally {
      attacker.kill("SIGKILL");
      await ended;
    }
    await checkVictim(workspace);
  },
);
