/** `run --dry-run`: what a run would do, without doing it. */

import assert from "node:assert/strict";
import { access, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { countsOf } from "../../../../cli/run/dry_run.ts";
import type { SourceTask } from "../../../../controller/inputs/source.ts";
import { core } from "../../../lib/cores.ts";
import { test } from "../../../lib/test.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { Workspace } from "../../workspace.ts";

const BEHAVE = await core("behave");
const ANOTHER = await core("version_stamp", { STAMP: '"another"' });
const WORKER = await SharedWorker.start(BEHAVE);
/** A header of a tar, and a block for the content. */
const FIRST_ENTRY_BYTES = 1024;
const INPUTS = { "in/a": "echo a", "in/b": "echo b", "in/c": "code 3 bad" };

test("a dry run says what would run, and writes nothing", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll(INPUTS);
  const all = await workspace.run(["run", BEHAVE, "in", "--dry-run", "--slots", "3"]);
  assert.equal(all.code, 0, all.stderr);
  const [headline, coreLine, ...rest] = all.stdout.split("\n");
  assert.equal(headline, "would run 3 jobs, 22 B of inputs: a, b, c");
  assert.match(coreLine ?? "", /^core: behave.*\.so, .* kB, [0-9a-f]{12}$/);
  assert.deepEqual(rest, [
    "workers: this machine, 3 slots",
    "outputs: outputs",
    "dry run: no job has run, and nothing was written",
    "",
  ]);
  await assert.rejects(access(workspace.at("outputs")), { code: "ENOENT" });
});

test("a dry run knows what earlier runs have done, in a folder and in a pack", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll(INPUTS);
  for (const outputs of [["-o", "out"], ["--pack", "out.tar.zst"], ["--pack", "out.csv"]]) {
    const args = ["run", BEHAVE, "in", ...outputs];
    assert.equal((await workspace.run(args)).code, 1);
    const again = await workspace.run([...args, "--dry-run", "--retry-failed"]);
    assert.equal(again.code, 0, again.stderr);
    assert.match(
      again.stdout,
      /^would run 1 of 3 jobs \(2 done in earlier runs\), 10 B of inputs: c\n/,
    );
    const [, , ...others] = args;
    const rebuilt = await workspace.run(["run", ANOTHER, ...others, "--dry-run", "--keep-done"]);
    assert.match(rebuilt.stdout, /^would run 1 of 3 jobs \(2 done in earlier runs\), /);
    const json = await workspace.run([...args, "--dry-run", "--json"]);
    const { dryRun, jobs, done, failedBefore, total } = JSON.parse(json.stdout);
    assert.deepEqual([dryRun, jobs, done, failedBefore, total], [true, 0, 2, 1, 3]);
  }
});

test("a dry run believes no record that a run would not: after a killed run, outputs are compared by their contents", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "echo a", "in/b": "echo b" });
  const args = ["run", BEHAVE, "in", "-o", "out"];
  assert.equal((await workspace.run(args)).code, 0);
  await workspace.writeAll({ "in/c": "echo c" });
  assert.equal((await workspace.run(args)).code, 0);
  const journal = workspace.at("out/.distcomp/jobs.jsonl");
  const lines = (await readFile(journal, "utf8")).split(/^/m);
  const killed = lines.slice(0, lines.findLastIndex((line) => line.includes('"run":"ended"')));
  await writeFile(journal, killed.join(""));
  await workspace.writeAll({ "out/a": "A", "out/c": "C" }); // c was recorded by the run that was killed
  const dry = await workspace.run([...args, "--dry-run"]);
  assert.match(dry.stdout, /^would run 1 of 3 jobs \(2 done in earlier runs\), .*: a\n/);
  assert.equal((await workspace.run(args)).code, 0);
  assert.deepEqual(await workspace.outputs("out"), { a: "a", b: "b", c: "C" });
});

test("a dry run on a pack that has lost its end says what a run would do again", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "echo a", "in/b": "echo b" });
  const args = ["run", BEHAVE, "in", "--pack", "out.tar"];
  assert.equal((await workspace.run(args)).code, 0);
  await truncate(workspace.at("out.tar"), FIRST_ENTRY_BYTES);
  const dry = await workspace.run([...args, "--dry-run"]);
  assert.match(dry.stdout, /^would run 1 of 2 jobs \(1 done in earlier runs\), /);
  const real = await workspace.run(args);
  assert.match(real.stderr, /^earlier runs: 1 job done$/m);
});

test("a dry run on a pack of zstd knows which outputs were cut off, and says what a run would refuse", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "echo a" });
  const args = ["run", BEHAVE, "in", "--pack", "out.tar.zst"];
  assert.equal((await workspace.run(args)).code, 0);
  const { size } = await stat(workspace.at("out.tar.zst"));
  await workspace.writeAll({ "in/b": "echo b" });
  assert.equal((await workspace.run(args)).code, 0);
  await truncate(workspace.at("out.tar.zst"), size); // within the output of b
  const dry = await workspace.run([...args, "--dry-run"]);
  assert.match(dry.stdout, /^would run 1 of 2 jobs \(1 done in earlier runs\), /);
  await workspace.writeAll({ "out.tar.zst.distcomp/jobs.jsonl": "of something else\n" });
  for (const command of [[...args, "--dry-run"], args]) {
    const refused = await workspace.run(command);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /damaged and names none of its outputs; put that file back/);
  }
});

test("a dry run names inputs that cannot be read, the first three of them", async () => {
  const tasks: SourceTask[] = Array.from({ length: 5 }, (_, index) => (
    { kind: "unreadable", index, name: `${index}`, reason: "permission denied" }
  ));
  const counts = await countsOf({
    batches: (async function* () {
      await undefined;
      yield tasks;
    })(),
  });
  assert.equal(counts.unreadable, 5);
  assert.deepEqual(counts.problems, [0, 1, 2].map((index) => `${index}: permission denied`));
});

test("with --keep-done, a rebuilt core runs only the jobs that have failed, and good outputs stay", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll(INPUTS);
  assert.equal((await workspace.run(["run", BEHAVE, "in"])).code, 1);
  const rebuilt = await workspace.run(["run", ANOTHER, "in", "--keep-done"]);
  assert.equal(rebuilt.code, 0, rebuilt.stderr);
  assert.equal(
    rebuilt.stderr,
    "earlier runs: 2 jobs done, 1 failed with another core (retrying)\n",
  );
  assert.deepEqual(await workspace.outputs(), { a: "a", b: "b", c: "another" });
  const again = await workspace.run(["run", ANOTHER, "in", "--keep-done"]);
  assert.match(again.stdout, /^nothing to do: all 3 jobs finished in earlier runs/);
});
