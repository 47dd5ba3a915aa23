/** Which records of a pack's journal count when it is written anew. */

import assert from "node:assert/strict";
import { formatRecord, formatRunEvent } from "../../../controller/output/journal/journal_record.ts";
import { LatestRecords } from "../../../controller/output/pack/latest_records.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { test } from "../../lib/test.ts";
import { CORE, recordOf } from "./records.ts";

const BEGUN = formatRunEvent("begun", "node7", 17, 0);
/** Of a run that has locked the pack, and has not begun. */
const UNLOCKED = formatRunEvent("ended", "node7", 17, 0);
const ENDED = formatRunEvent("ended", "node7", 17, 0, { end: "complete", left: 0 });

/** The line of a job that was sent, with a text that tells its records apart. */
function sent(input: string, worker = ""): string {
  return formatRecord(recordOf(0, { input, worker }), CORE);
}

/** The line of an input that could not be used. */
function unused(input: string, worker = ""): string {
  return formatRecord(recordOf(0, { input, worker, state: "failed", attempt: 0 }), CORE);
}

/** The jobs of the records that count, with those texts. */
async function latestIn(journal: string): Promise<string[]> {
  const disk = new MemoryDisk();
  await disk.files.create("/jobs", journal);
  const latest = await LatestRecords.in(disk.files, "/jobs");
  const found: string[] = [];
  await latest.read(
    ({ input, worker, attempt }) => found.push(`${input}${worker}${attempt > 0 ? "" : " unused"}`),
    () => Promise.resolve(),
  );
  return found;
}

test("the last record of each job that was sent counts, also where an input of its name could not be used since", async () => {
  const first = BEGUN + sent("a", "1") + sent("b", "1") + ENDED;
  const second = BEGUN + sent("b", "2") + unused("a", "2") + sent("b", "3") + ENDED;
  assert.deepEqual(await latestIn(first + second), ["a1", "a2 unused", "b3"]);
});

test("inputs that could not be used count if they are of the last run, each of them, also those of one name", async () => {
  const first = BEGUN + unused("a", "1") + sent("b", "1") + unused("c", "1") + ENDED;
  const all = ["a1 unused", "b1", "c1 unused"];
  assert.deepEqual(await latestIn(first), all);
  assert.deepEqual(await latestIn(first + BEGUN + UNLOCKED), all, "the other run has not begun");
  assert.deepEqual(await latestIn(first + BEGUN + ENDED), ["b1"]);
  assert.deepEqual(await latestIn(first + BEGUN + sent("d", "2")), ["b1", "d2"]);
  const second = BEGUN + sent("d", "2") + unused("c", "2") + unused("c", "3") + ENDED;
  assert.deepEqual(await latestIn(first + second), ["b1", "d2", "c2 unused", "c3 unused"]);
});
