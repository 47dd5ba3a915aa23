/** Outputs on a disk that does not tell upper from lower case: none replaces another one, and none is distcomp's own file. */

import assert from "node:assert/strict";
import { type FolderOptions, OutputFolder } from "../../../controller/output/output_folder.ts";
import { OutputOwners } from "../../../controller/output/output_owners.ts";
import { Resume } from "../../../controller/output/resume.ts";
import { OutputNameError } from "../../../controller/output/sink_errors.ts";
import { isInStateFolder } from "../../../controller/output/state_folder.ts";
import { MemoryNetwork } from "../../lib/memory_network.ts";
import { test } from "../../lib/test.ts";
import { CORE, recordOf } from "./records.ts";

type Input = Parameters<Resume["outcomeNow"]>[0];

const SMALL = new TextEncoder().encode("small");
const LARGE = new Uint8Array(100_000);

test("the second of two outputs whose names differ by case fails, and the first one stays", async () => {
  for (const output of [SMALL, LARGE]) {
    await using place = new Place();
    const { sink } = await place.open();
    await sink.commit("A", output);
    await sink.commit("b/C", output);
    for (const name of ["a", "B/c"]) {
      await assert.rejects(async () => await sink.commit(name, SMALL), (error) => {
        assert(error instanceof OutputNameError);
        assert.match(error.message, /differs only in upper and lower case/);
        return true;
      });
      assert.equal(await sink.remove(name), undefined);
    }
    await sink.commit("B/other", SMALL);
    assert.equal(place.disk.bytes("/out/A")?.byteLength, output.byteLength);
    assert.equal(place.disk.bytes("/out/b/C")?.byteLength, output.byteLength);
    await sink.commit("A", SMALL); // its job may run again
  }
});

test("a huge output does not replace one whose name differs by case either", async () => {
  await using place = new Place();
  const { sink } = await place.open();
  await sink.commit("a", SMALL);
  const output = sink.hugeOutputs(false).open(0, 1);
  output.space(0).set([1]);
  await output.onFilled(1);
  await assert.rejects(sink.commitHuge("A", output), OutputNameError);
  assert.equal(place.disk.text("/out/a"), "small");
});

test("on other disks, names that differ by case are two outputs", async () => {
  await using place = new Place(false);
  const { sink } = await place.open();
  await sink.commit("A", SMALL);
  await sink.commit("a", LARGE);
  assert.deepEqual([sink.owners, place.disk.text("/out/A")], [undefined, "small"]);
  assert.equal(place.disk.bytes("/out/a")?.byteLength, LARGE.byteLength);
});

test("outputs of earlier runs keep their files, until their jobs have failed", async () => {
  await using place = new Place();
  const first = await place.open();
  for (const [index, input] of ["A", "B"].entries()) {
    await first.sink.commit(input, SMALL);
    first.journal.add(recordOf(index, { input, bytesOut: SMALL.byteLength }));
  }
  await place.close();
  const second = await place.open();
  for (const name of ["a", "b"]) {
    await assert.rejects(async () => await second.sink.commit(name, LARGE), OutputNameError);
  }
  assert.equal(await second.sink.remove("A"), undefined);
  second.journal.add(recordOf(0, { input: "A", state: "failed" }));
  second.journal.add(recordOf(1, { input: "B", state: "failed", attempt: 0 })); // unreadable
  await second.sink.commit("a", LARGE);
  await place.close();
  assert.equal(place.disk.text("/out/B"), "small");
  const third = await place.open();
  await third.sink.commit("a", LARGE);
  await assert.rejects(async () => await third.sink.commit("b", LARGE), OutputNameError);
  await place.close();
  await (await place.open({ fresh: true })).sink.commit("b", LARGE);
});

test("of two done jobs whose outputs are one file by now, only the one that has it is skipped", async () => {
  await using place = new Place(false);
  const { sink, journal } = await place.open();
  for (const [index, input] of ["A", "a"].entries()) {
    await sink.commit(input, SMALL);
    journal.add(recordOf(index, { input, identity: input, bytesOut: SMALL.byteLength }));
  }
  await place.close();
  place.disk.unlink("/out/A"); // the folder was copied to such a disk
  place.disk.ignoresCase = true;
  const { sink: { owners }, resume } = await place.open();
  const [A, a] = ["A", "a"].map((name) => ({ name, identity: name })) as [Input, Input];
  const outcomes = await resume?.outcomesOf([A, a]);
  assert.deepEqual(outcomes?.map((outcome) => outcome?.state), [undefined, "done"]);
  const files = Object.assign(place.disk.filesFor(() => Promise.resolve()), {
    fileBytesSync: () => SMALL.byteLength, // both are found
  });
  const atOnce = await Resume.load(files, "/out", { core: CORE, retryFailed: false, owners });
  assert.equal(atOnce.outcomeNow(A), "unknown");
  assert.deepEqual(atOnce.outcomeNow(a), { state: "done" });
});

test("names are one file whichever way their letters are written, and have one owner at a time", () => {
  const owners = new OutputOwners();
  for (
    const [one, other] of [["a/B", "A/b"], ["É", "e\u0301"], ["ΑΣ", "ας"], ["ß", "SS"]] as const
  ) {
    assert(owners.claim(one) && owners.claim(one));
    assert(owners.isAnothers(other) && !owners.isAnothers(one));
    assert(!owners.claim(other));
    owners.release(other);
    assert(!owners.claim(other), "it was not its own");
    owners.release(one);
    assert(owners.claim(other) && owners.isAnothers(one));
    owners.take(one);
    assert(owners.isAnothers(other));
  }
  for (let index = 0; index < 5_000; index++) assert(owners.claim(`name ${index}`));
  for (let index = 0; index < 5_000; index++) assert(!owners.claim(`NAME ${index}`));
});

test("names that some disk takes for distcomp's own folder are known, and no others", () => {
  const own = [".distcomp", ".DistComp/jobs.jsonl", ".DISTCOMP/x/y", ".di\u017ftcomp/a"];
  own.push(".dist\u200ccomp/a", "\u200d.distcomp", "\ufeff.DISTCOMP/lock");
  for (const name of own) assert(isInStateFolder(name), name);
  const others = ["a", ".distcomp.x", ".distcomps/a", "a/.distcomp", ".", "é", "x.distcomp", ""];
  for (const name of others) assert(!isInStateFolder(name), name);
});

/** An output folder in memory. */
class Place implements AsyncDisposable {
  readonly #network = new MemoryNetwork();
  #opened: OutputFolder | undefined;

  constructor(ignoresCase = true) {
    this.disk.ignoresCase = ignoresCase;
  }

  get disk() {
    return this.#network.disk;
  }

  async open(options: Partial<FolderOptions> = {}): Promise<OutputFolder> {
    const all = { core: CORE, fresh: false, retryFailed: false, ...options };
    return this.#opened = await OutputFolder.open(this.#network.runtime, "/out", all);
  }

  async close(): Promise<void> {
    await this.#opened?.close();
    this.#opened = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
