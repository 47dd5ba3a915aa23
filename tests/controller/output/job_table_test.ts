/** The jobs of a journal: each has the entry of its last record, however many there are. */

import assert from "node:assert/strict";
import {
  identityNumber,
  type JobEntry,
  JobState,
  JobTable,
} from "../../../controller/output/journal/job_table.ts";
import { TextHash } from "../../../controller/output/journal/text_hash.ts";
import { test } from "../../lib/test.ts";

test("entries are kept while the table grows, and a later entry replaces an earlier one", () => {
  const table = new JobTable();
  for (let job = 0; job < 2_000; job++) table.set(hashOf(`job ${job}`), entryOf(job));
  table.set(hashOf("job 0"), entryOf(5_000));
  table.set(hashOf("job 1999"), entryOf(6_000));
  const expected = Array.from({ length: 2_000 }, (_, job) => entryOf(job));
  expected[0] = entryOf(5_000);
  expected[1_999] = entryOf(6_000);
  assert.deepEqual([...table.entries()], expected);
  for (const job of [0, 1, 511, 512, 513, 1_023, 1_024, 1_999]) {
    assert.deepEqual(table.get(`job ${job}`), expected[job]);
  }
  assert.equal(table.get("job 2000"), undefined);
});

test("jobs are counted by the state of their last record, in tables of any size", () => {
  const table = new JobTable();
  const count = 40_000;
  for (let job = 0; job < count; job++) table.set(hashOf(`job ${job}`), entryOf(job));
  table.set(hashOf("job 0"), { ...entryOf(0), state: JobState.done });
  table.set(hashOf(`job ${count - 1}`), { ...entryOf(0), state: JobState.doneOtherCore });
  assert.equal(table.count(JobState.failed), count - 2);
  assert.equal(table.count(JobState.done), 1);
  assert.equal(table.count(JobState.doneOtherCore), 1);
});

test("different identities have different numbers", () => {
  const numbers = Array.from({ length: 1_000 }, (_, index) => identityNumber(`file-${index}`));
  assert.equal(new Set(numbers).size, 1_000);
  for (const number of numbers) assert(Number.isSafeInteger(number));
});

function hashOf(text: string): TextHash {
  const hash = new TextHash();
  hash.setText(text);
  return hash;
}

function entryOf(number: number): JobEntry {
  return {
    identity: number,
    state: JobState.failed,
    epoch: number + 1,
    at: number + 2,
    bytesOut: number + 3,
    crcOut: number + 4,
    content: number + 5,
  };
}
