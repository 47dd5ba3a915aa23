/** The files of `--core-output keep`: each has what its job has printed in this run, whatever others do. */

import assert from "node:assert/strict";
import { KeptOutput } from "../../../../cli/run/kept_output.ts";
import { MemoryDisk } from "../../../lib/memory_files.ts";
import { test } from "../../../lib/test.ts";

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
    'cannot keep the output of "a/b": there is a file of that name',
  ]);
});

test("a thousand jobs whose lines cannot be kept are five warnings, and one more", async () => {
  const run = await newRun();
  run.prints("a", "text");
  for (let index = 0; index < 1000; index++) run.prints(`a/${index}`, "text");
  assert.deepEqual(await run.close(), { "output/a": "text\n" });
  assert.deepEqual([run.warnings.length, run.warnings.at(-1)], [
    6,
    "the output of further jobs cannot be kept either",
  ]);
});

test("on a full disk, one warning says that everything further is lost", async () => {
  const run = await newRun();
  run.disk.freeBytes = 0;
  for (const name of ["a", "b"]) run.prints(name, "text");
  await run.close();
  assert.deepEqual(run.warnings, [
    "cannot keep the output of jobs: no space left on the disk; later output is lost",
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

async function runOf(names: readonly string[]) {
  const run = await newRun();
  for (const name of names) run.prints(name, "old");
  return { files: await run.close(), disk: run.disk };
}
