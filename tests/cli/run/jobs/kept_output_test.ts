/** The files of `--core-output keep`: each has what its job has printed in this run, whatever others do. */

import assert from "node:assert/strict";
import { KeptOutput } from "../../../../cli/run/kept_output.ts";
import { MemoryDisk } from "../../../lib/memory_files.ts";
import { test } from "../../../lib/test.ts";
import { nextTurn } from "../../../../runtime/clock.ts";

/** Of two such lines, only one finds room while the disk does not keep up. */
const MUCH = "x".repeat(5 * 1024 * 1024);

/** A run that keeps what its jobs print. */
class KeptRun {
  readonly warnings: string[] = [];
  readonly #kept: KeptOutput;

  constructor(readonly disk: MemoryDisk) {
    this.#kept = new KeptOutput(disk.files, "/state", (text) => void this.warnings.push(text));
  }

  prints(name: string | undefined, line: string, attempt = 1): void {
    this.#kept.add({ name, attempt, lines: [line], leftOut: 0 });
  }

  ends(name: string, attempt = 1): void {
    this.#kept.onEnded(name, attempt);
  }

  /** Prints so much that the queue has no room for as much again, but for what is short. */
  printsMuch(name: string | undefined, attempt = 1): void {
    this.prints(name, MUCH, attempt);
  }

  /** Lets the disk write all that is queued. */
  async rests(): Promise<void> {
    for (let turn = 0; turn < 10; turn++) await nextTurn();
  }

  /** Ends the run; the files by their names. */
  async close(): Promise<Record<string, string>> {
    await this.#kept.close();
    return Object.fromEntries(
      this.disk.paths.map((path) => [path.replace("/state/", ""), this.disk.text(path) ?? ""]),
    );
  }
}

async function newRun(disk = new MemoryDisk()): Promise<KeptRun> {
  await disk.files.makeFolder("/state");
  return new KeptRun(disk);
}

test("a job whose lines cannot be kept is named in words, and those of others are kept", async () => {
  const run = await newRun();
  for (const name of ["a", "a/b", "c"]) run.prints(name, "first");
  for (const name of ["a", "a/b", "c"]) run.prints(name, "second");
  const text = "first\nsecond\n";
  assert.deepEqual(await run.close(), { "output/a": text, "output/c": text });
  assert.deepEqual(run.warnings, [
    'cannot keep the printed lines of "a/b": there is a file of that name',
  ]);
});

test("a thousand jobs whose lines cannot be kept are five warnings, and one more", async () => {
  const run = await newRun();
  run.prints("a", "text");
  for (let index = 0; index < 1000; index++) run.prints(`a/${index}`, "text");
  assert.deepEqual(await run.close(), { "output/a": "text\n" });
  assert.deepEqual([run.warnings.length, run.warnings.at(-1)], [
    6,
    "the printed lines of further jobs cannot be kept either",
  ]);
});

test("on a full disk, one warning says that everything further is lost", async () => {
  const run = await newRun();
  run.disk.freeBytes = 0;
  for (const name of ["a", "b"]) run.prints(name, "text");
  await run.close();
  assert.deepEqual(run.warnings, [
    "cannot keep the printed lines of jobs: no space left on the disk, or no inodes (df -i); later lines are lost",
  ]);
});

test("the first lines of a long job stay, however many others print and end meanwhile", async () => {
  const run = await newRun();
  run.prints("long", "first");
  for (let index = 0; index < 10_001; index++) {
    run.prints(`${index}`, "");
    if (index % 2 === 0) run.ends(`${index}`);
  }
  run.prints("long", "last");
  assert.equal((await run.close())["output/long"], "first\nlast\n");
});

test("a later attempt replaces what an earlier one has printed, and an earlier one adds nothing", async () => {
  const run = await newRun();
  run.prints("a", "of the first");
  run.prints("a", "of the second", 2);
  run.prints("a", "too late", 1);
  assert.deepEqual(await run.close(), { "output/a": "of the second\n" });
});

test("an attempt that prints nothing leaves no line of an earlier one that has failed", async () => {
  const run = await newRun();
  for (const name of ["silent", "copied", "retried"]) run.prints(name, "of the first");
  run.prints("retried", "of the second", 2);
  run.prints("copied", "of the second", 2);
  run.ends("silent", 2);
  run.ends("retried", 2);
  run.ends("copied", 1); // its straggler has answered
  const files = { "output/copied": "of the second\n", "output/retried": "of the second\n" };
  assert.deepEqual(await run.close(), files);
  assert.deepEqual(run.warnings, []);
});

test("lines of the core are not in the file of an input, whatever it is called", async () => {
  const run = await newRun();
  run.prints(undefined, "of the core");
  const names = [".core", "core-output"];
  for (const name of names) run.prints(name, "of a job");
  const jobs = Object.fromEntries(names.map((name) => [`output/${name}`, "of a job\n"]));
  assert.deepEqual(await run.close(), { "core-output": "of the core\n", ...jobs });
});

test("what an earlier run has kept of a job goes when the job ends without a line", async () => {
  const { disk, ...first } = await runOf(["a", "b", "deep/c", "left"]);
  assert.equal(Object.keys(first.files).length, 4);
  const run = await newRun(disk);
  run.prints("b", "new");
  for (const name of ["a", "b", "deep/c", "never/printed", "b/of a file"]) run.ends(name);
  assert.deepEqual(await run.close(), { "output/b": "new\n", "output/left": "old\n" });
  assert.deepEqual(run.warnings, []);
});

test("where the disk does not keep up, the file of a job says where lines are left out, and how many", async () => {
  const run = await newRun();
  for (let line = 0; line < 4; line++) run.printsMuch("a");
  await run.rests();
  run.prints("a", "later");
  run.printsMuch("a");
  run.printsMuch("a");
  await run.rests();
  run.ends("a");
  run.ends("b");
  const { "output/a": text = "", ...others } = await run.close();
  assert.deepEqual(text.replaceAll(MUCH, "much").split("\n"), [
    ...["much", "… 3 lines left out here", "later", "much", "… 1 line left out here", ""],
  ]);
  assert.deepEqual([others, run.warnings], [{}, []]);
});

test("an attempt all of whose lines are left out leaves none of an earlier one, and says how many it had", async () => {
  const run = await newRun();
  run.prints("a", "of the first");
  run.printsMuch("b");
  run.printsMuch("a", 2);
  run.ends("a", 2);
  assert.equal((await run.close())["output/a"], "… 1 line left out here\n");
});

test("lines that are left out of what the core prints, or a job that does not end, are told of in the end", async () => {
  const run = await newRun();
  for (const name of ["a", "b", undefined]) run.printsMuch(name);
  const { "output/b": ofJob, "core-output": ofCore } = await run.close();
  assert.deepEqual([ofJob, ofCore], ["… 1 line left out here\n", "… 1 line left out here\n"]);
});

test("one warning says that the disk does not keep up even with the ends of jobs", async () => {
  const run = await newRun();
  run.printsMuch("a");
  const names = Array.from({ length: 3 }, (_, index) => `${index}`.repeat(MUCH.length));
  for (const name of names) run.ends(name);
  assert.deepEqual(run.warnings, [
    "cannot keep the printed lines of jobs: the disk is too slow; files may lack a last line, or have those of an earlier attempt",
  ]);
  await run.close();
});

async function runOf(names: readonly string[]) {
  const run = await newRun();
  for (const name of names) run.prints(name, "old");
  return { files: await run.close(), disk: run.disk };
}
