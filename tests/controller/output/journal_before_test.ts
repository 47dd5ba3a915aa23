/** Fresh runs that end early: what earlier runs have written is still known to be theirs. */

import assert from "node:assert/strict";
import { type FolderOptions, OutputFolder } from "../../../controller/output/output_folder.ts";
import { systemClock, systemRandom } from "../../../runtime/clock.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";
import { CORE, recordOf } from "./records.ts";

const BEFORE = "/out/.distcomp/jobs.jsonl.before";
const OUTPUT = new TextEncoder().encode("an output");
const OTHER_CORE = "0e".repeat(32);
const FRESH = { core: OTHER_CORE, fresh: true };

test("after a fresh run that was interrupted, the outputs of before are removed if their jobs fail", async () => {
  const place = new Place();
  await place.runs(["a", "b", "c"]);
  await place.runs(["a"], FRESH);
  await place.runs(["b"], FRESH); // begins anew once more
  assert.deepEqual(await place.removed(["a", "b", "c", "own"]), ["a", "b", "c"]);
});

test("an output that has been removed since, or was never there, is not taken for one of before", async () => {
  const place = new Place();
  await place.runs(["a", "b"]);
  const resumed = await place.open();
  await resumed.sink.remove("a");
  resumed.journal.add(recordOf(0, { input: "a", state: "failed" }));
  await resumed.close();
  place.write("a", "of the user");
  await place.runs([], FRESH);
  await place.runs([], FRESH);
  assert.deepEqual(await place.removed(["a", "b"]), ["b"]);
});

test("a run that is complete removes the journal of before, unless it lacks jobs of that", async () => {
  for (const [names, isLeft] of [[["b", "a", "c"], false], [["a", "c"], true]] as const) {
    const place = new Place();
    await place.runs(["a", "b"]);
    await place.runs(["a"], FRESH);
    const folder = await place.runs(names);
    assert(place.disk.bytes(BEFORE), "only the end shows what it has done");
    await folder.tidy();
    assert.equal(place.disk.bytes(BEFORE) !== undefined, isLeft);
    assert.deepEqual(await place.removed(["a", "b", "c"]), ["a", "b", "c"]);
  }
});

test("the journal of before is kept while it is needed, and does not grow with every fresh run", async () => {
  const place = new Place();
  await place.runs(["a", "b"]);
  for (let run = 0; run < 3; run++) await place.runs(["b", "a", "c"], FRESH);
  const lines = place.disk.text(BEFORE)?.match(/"input":/g);
  assert.equal(lines?.length, 3, "those of the run before the last");
  await place.runs([]);
  assert.equal(place.disk.bytes(BEFORE), undefined, "the next run removes it");
  await place.runs(["a"], FRESH);
  await place.runs([]);
  assert(place.disk.bytes(BEFORE), "nothing else says whose b is");
});

for (const earlier of ["complete", "interrupted"]) {
  test(`whenever a fresh run is killed while it opens the outputs of a run that was ${earlier}, they are known`, async () => {
    let isOpened = false;
    for (let steps = 0; !isOpened; steps++) {
      assert(steps < 400, "it opens them at last");
      const place = new Place();
      await place.runs(["a", "b"]);
      if (earlier === "interrupted") await place.runs(["b"], FRESH);
      isOpened = await place.isOpenedIn(steps, FRESH);
      if (steps % 2 === 0) await place.runs([], FRESH);
      assert.deepEqual(await place.removed(["a", "b", "own"]), ["a", "b"], `after ${steps} steps`);
    }
  });
}

test("a line that a killed run has torn in the journal of before costs no record", async () => {
  const place = new Place();
  await place.runs(["a", "b"]);
  await place.runs(["c"], FRESH);
  place.write(".distcomp/jobs.jsonl.before", `${place.disk.text(BEFORE)}{"v":1,"index":0,"inp`);
  await place.runs([], FRESH);
  assert.deepEqual(await place.removed(["a", "b", "c"]), ["a", "b", "c"]);
});

/** An output folder in memory, in which the user has a file. */
class Place {
  readonly disk = new MemoryDisk();

  async open(options: Partial<FolderOptions> = {}, files = this.disk.files): Promise<OutputFolder> {
    const all = { core: CORE, fresh: false, retryFailed: false, ...options };
    const ports = { clock: new VirtualClock(), random: systemRandom, files };
    return await OutputFolder.open(ports, "/out", all);
  }

  write(name: string, text: string): void {
    const path = `/out/${name}`;
    if (this.disk.bytes(path)) this.disk.unlink(path);
    this.disk.create(path, new TextEncoder().encode(text));
  }

  /** A run does these jobs, and is interrupted. */
  async runs(names: readonly string[], options: Partial<FolderOptions> = {}) {
    const folder = await this.open(options);
    for (const [index, input] of names.entries()) {
      await folder.sink.commit(input, OUTPUT);
      folder.journal.add(recordOf(index, { input }));
    }
    await folder.close();
    return folder;
  }

  /** A run is killed after so many steps of operations on its disk, unless it has opened its outputs by then. */
  async isOpenedIn(steps: number, options: Partial<FolderOptions>): Promise<boolean> {
    let left = steps;
    const files = this.disk.filesFor(() => --left < 0 ? new Promise(() => {}) : Promise.resolve());
    let isOpen = false;
    void this.open(options, files).then(() => isOpen = true);
    while (left >= 0 && !isOpen) await systemClock.nextTurn();
    const lock = "/out/.distcomp/lock";
    if (this.disk.bytes(lock)) this.disk.unlink(lock); // its process is this one, which lives
    return isOpen;
  }

  /** Which of these are removed when their jobs fail in the next run. */
  async removed(names: readonly string[]): Promise<string[]> {
    this.write("own", "of the user");
    const folder = await this.open();
    for (const name of names) await folder.sink.remove(name);
    await folder.close();
    return names.filter((name) => this.disk.bytes(`/out/${name}`) === undefined);
  }
}
