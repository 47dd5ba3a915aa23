/** Two runs of the program on one output folder. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import os from "node:os";
import { core } from "../../../lib/cores.ts";
import { eventually } from "../../../lib/processes.ts";
import { programTest, test } from "../../../lib/test.ts";
import { Workspace } from "../../workspace.ts";

const BEHAVE = await core("behave");
const LOCK = "outputs/.distcomp/lock";

programTest(
  "a second run in the same output folder is refused, and the first one goes on",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("lines", `echo one\nsleep 600000\n`);
    await using first = await workspace.start(["run", BEHAVE, "--lines", "lines"]);
    const firstOutput = workspace.at("outputs/000000");
    await eventually("it has an output", () => readFile(firstOutput).catch(() => undefined));
    for (const more of [[], ["--fresh"]]) {
      const second = await workspace.run(["run", BEHAVE, "--repeat", "1", ...more]);
      assert.equal(second.code, 2);
      assert.equal(second.stdout, "");
      assert.equal(
        second.stderr,
        `distcomp: Another run uses the output folder "outputs": process ${first.pid} on ` +
          `${os.hostname()}; wait until it has ended (if it has, delete "${LOCK}"), or choose ` +
          "another folder with -o\n",
      );
    }
    assert.deepEqual(await workspace.outputs(), { "000000": "one" });
    const elsewhere = await workspace.run(["run", BEHAVE, "--repeat", "1", "-o", "elsewhere"]);
    assert.equal(elsewhere.code, 0, elsewhere.stderr);
    first.signal("SIGINT");
    await first.printed("stderr", /^finishing/m);
    first.signal("SIGINT");
    await first.exited;
    assert.deepEqual(await workspace.leftovers(), []);
  },
);

test("a lock held on another machine is refused, and the message names its file", async () => {
  await using workspace = await Workspace.make();
  await workspace.write(LOCK, '{"pid":17,"host":"node7.example"}');
  const run = await workspace.run(["run", BEHAVE, "--repeat", "1"]);
  assert.equal(run.code, 2);
  assert.match(run.stderr, /: process 17 on node7\.example; if that run has ended, delete "/);
  assert.equal(await readFile(workspace.at(LOCK), "utf8"), '{"pid":17,"host":"node7.example"}');
});

test("if several runs start at once in a killed run's folder, one runs and the others are refused", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lines", "sleep 600000\n");
  const args = ["run", BEHAVE, "--lines", "lines", "--slots", "1"];
  await using killed = await workspace.start(args);
  await eventually("it has the lock", () => readFile(workspace.at(LOCK)).catch(() => undefined));
  await killed.kill();
  const programs = await Promise.all([0, 1, 2].map(() => workspace.start(args)));
  try {
    const refused: number[] = [];
    for (const program of programs) {
      void program.exited.then(({ code }) => refused.push(code ?? -1));
    }
    await eventually("two have ended", () => refused.length === 2);
    assert.deepEqual(refused, [2, 2]);
    const { pid } = JSON.parse(await readFile(workspace.at(LOCK), "utf8"));
    const holder = programs.find((program) => program.pid === pid);
    assert(holder, "the third one has the lock");
    assert.doesNotMatch(holder.stderr, /lock|folder|warning/, "and nothing to say about it");
  } finally {
    for (const program of programs) {
      await program.kill();
      await program[Symbol.asyncDispose]();
    }
  }
});
