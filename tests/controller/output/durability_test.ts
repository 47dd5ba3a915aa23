/** What is written when, seen through a disk that records every operation: what a power failure must not undo. */

import assert from "node:assert/strict";
import { DirectorySink } from "../../../controller/output/directory_sink.ts";
import { Journal, journalIn } from "../../../controller/output/journal/journal.ts";
import { MemoryNetwork } from "../../lib/memory_network.ts";
import { test } from "../../lib/test.ts";
import { CORE, recordOf } from "./records.ts";

const JOURNAL = journalIn("/out");

/** A journal and a sink on a disk in memory. */
async function opened() {
  const network = new MemoryNetwork();
  const { disk, clock, runtime } = network;
  disk.files.makeFolderSync("/out/.distcomp");
  const journal = await Journal.open(runtime.files, "/out", { core: CORE, fresh: false, clock });
  const sink = await DirectorySink.open("/out", runtime);
  disk.operations.length = 0;
  return { network, disk, clock, journal, sink };
}

test("records are synced five seconds after they were added at the latest, and only if there are any", async () => {
  const { disk, clock, journal } = await opened();
  await clock.advance(60_000);
  assert.deepEqual(disk.operations, [], "nothing is synced while there is nothing new");
  journal.add(recordOf(1));
  await clock.advance(5_000);
  assert.deepEqual(disk.operations, [`append ${JOURNAL}`, `datasync ${JOURNAL}`]);
  await clock.advance(60_000);
  assert.equal(disk.operations.length, 2, "it is synced once");
  await journal.close(true);
});

test("a record survives a power failure once it is synced", async () => {
  const { disk, clock, journal } = await opened();
  journal.add(recordOf(1));
  await clock.advance(5_000);
  journal.add(recordOf(2));
  await clock.advance(600); // written, but not synced
  assert.equal(lineCount(disk.text(JOURNAL)), 2);
  disk.losePower(() => 0);
  assert.equal(lineCount(disk.text(JOURNAL)), 1);
  await journal.close(true);
});

test("everything is synced before a journal is closed", async () => {
  const { disk, journal } = await opened();
  journal.add(recordOf(1));
  await journal.close(true);
  assert.deepEqual(disk.operations, [
    `append ${JOURNAL}`,
    `datasync ${JOURNAL}`,
    `close ${JOURNAL}`,
  ]);
});

test("a run is recorded as begun, and that is synced, before it replaces any output", async () => {
  const { disk, clock, journal } = await opened();
  journal.add(recordOf(1));
  await journal.close(true);
  disk.operations.length = 0;
  const again = await Journal.open(disk.files, "/out", { core: CORE, fresh: false, clock });
  assert.deepEqual(disk.operations.slice(-2), [`append ${JOURNAL}`, `datasync ${JOURNAL}`]);
  assert.match(disk.text(JOURNAL) ?? "", /"run":"begun"/);
  await again.close(true);
});

for (const bytes of [10, 100_000]) {
  test(`an output of ${bytes} bytes is complete before it has its name`, async () => {
    const { disk, sink } = await opened();
    await sink.commit("name", new Uint8Array(bytes));
    const [created, ...others] = disk.operations.filter((line) => !line.startsWith("makeFolder"));
    assert.match(created ?? "", /^create \/out\/\.distcomp\/unfinished-/);
    assert.deepEqual(others, ["rename /out/name"]);
    assert.equal(disk.bytes("/out/name")?.byteLength, bytes);
  });
}

test("a journal that could not be written writes nothing more, and says why", async () => {
  const { disk, clock, journal } = await opened();
  disk.freeBytes = 10;
  journal.add(recordOf(1));
  await clock.advance(500);
  assert.equal(disk.text(JOURNAL), "", "the torn line is cut off");
  disk.freeBytes = Infinity;
  assert.throws(() => journal.add(recordOf(2)), /Cannot write the journal .*: no space left/);
  disk.operations.length = 0;
  await assert.rejects(journal.close(true), /no space left/);
  assert.deepEqual(disk.operations, [`close ${JOURNAL}`]);
});

test("records that were queued behind a failed write are not written", async () => {
  const { disk, clock, journal } = await opened();
  disk.freeBytes = 10;
  const large = { ...recordOf(1), error: "x".repeat(70_000) }; // more than one batch each
  journal.add(large);
  journal.add(large);
  disk.onOperation = (operation) => {
    if (operation === "truncate") disk.freeBytes = Infinity;
  };
  await clock.advance(0);
  assert.deepEqual(disk.operations.filter((line) => line.startsWith("append")).length, 1);
  assert.equal(disk.text(JOURNAL), "");
  await assert.rejects(journal.close(true), /no space left/);
});

test("a journal that cannot be closed is an error that names it", async () => {
  const { disk, journal } = await opened();
  disk.onOperation = (operation) => {
    if (operation === "close") throw new Error("its server is full");
  };
  journal.add(recordOf(1));
  const message = `Cannot write the journal "${JOURNAL}": its server is full`;
  await assert.rejects(journal.close(true), { name: "SinkError", message });
});

function lineCount(text = ""): number {
  return text.split("\n").length - 1;
}
