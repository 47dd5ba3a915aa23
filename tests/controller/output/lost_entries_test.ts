/** A journal loses the records of entries that its pack has lost, and nothing else. */

import assert from "node:assert/strict";
import { formatRecord, formatRunEvent } from "../../../controller/output/journal/journal_record.ts";
import { forgetLostEntries } from "../../../controller/output/pack/lost_entries.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { test } from "../../lib/test.ts";
import { CORE, recordOf } from "./records.ts";

const BEGUN = formatRunEvent("begun", "node7", 17, 0);
const FAILED = formatRecord(recordOf(9, { state: "failed", error: "why" }), CORE);
const NEWER = '{"v":2,"input":"x"}\n';

/** The line of an entry of ten bytes. */
function lineOf(packAt: number): string {
  return formatRecord(recordOf(packAt, { packAt, packBytes: 10 }), CORE);
}

/** What is left of a journal if 20 bytes of the pack are. */
async function left(journal: string): Promise<string | undefined> {
  const disk = new MemoryDisk();
  await disk.files.create("/jobs", journal);
  await forgetLostEntries(disk.files, "/jobs", "/new", 20);
  assert.deepEqual(disk.paths, ["/jobs"]);
  return disk.text("/jobs");
}

test("records of entries that are lost go, all other lines stay as they are", async () => {
  const kept = [BEGUN, lineOf(0), "damaged\n", FAILED, lineOf(10), NEWER];
  const lost = [lineOf(20), lineOf(15)];
  const found = await left([...kept, ...lost, FAILED, BEGUN].join(""));
  assert.equal(found, [...kept, FAILED, BEGUN].join(""));
});

test("of a damaged line with records at its end only those go that are lost, and it stays damaged", async () => {
  const torn = BEGUN.slice(0, 20);
  assert.equal(await left(`${torn}${lineOf(20)}`), `${torn}\n`);
  assert.equal(await left(`${torn}${lineOf(10)}`), `${torn}${lineOf(10)}`);
  assert.equal(await left(`x${lineOf(30).trimEnd()}${lineOf(20)}`), "x\n");
  assert.equal(await left(`${BEGUN}${torn}`), `${BEGUN}${torn}\n`);
});

test("the new journal is on the disk before it takes the place of the old one", async () => {
  const disk = new MemoryDisk();
  await disk.files.create("/jobs", BEGUN + lineOf(20));
  await disk.files.create("/new", "of a run that was killed");
  disk.operations.length = 0;
  await forgetLostEntries(disk.files, "/jobs", "/new", 20);
  const order = disk.operations.filter((line) => /^(datasync|rename|unlink) /.test(line));
  assert.deepEqual(order, ["datasync /new", "rename /jobs"]);
  assert.equal(disk.text("/jobs"), BEGUN);
});
