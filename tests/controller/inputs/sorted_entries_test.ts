/** The entries of a folder are sorted in small steps. */

import assert from "node:assert/strict";
import { sortedByName } from "../../../controller/inputs/sorted_entries.ts";
import type { Entry } from "../../../runtime/files/folder.ts";
import { Choices, randomTest, SEED } from "../../lib/random.ts";
import { test } from "../../lib/test.ts";

randomTest("entries are in the order of their names, however many there are", async () => {
  const choices = new Choices(SEED);
  for (const count of [0, 1, 2, 4_095, 4_096, 4_097, choices.between(8_000, 30_000)]) {
    const names = Array.from({ length: count }, (_, index) => `${choices.below(1e9)}-${index}`);
    const sorted = await sortedByName(names.map(entryOf));
    assert.deepEqual(sorted.map(({ name }) => name), names.toSorted());
  }
});

test("other work goes on while 65,536 entries are sorted", async () => {
  const entries = Array.from({ length: 65_536 }, (_, index) => entryOf(`${index * 7919 % 65_536}`));
  let turns = 0;
  let next = setImmediate(function turn() {
    turns += 1;
    next = setImmediate(turn);
  });
  await sortedByName(entries);
  clearImmediate(next);
  assert(turns >= 30, `${turns} turns`);
});

function entryOf(name: string): Entry {
  return { name, kind: "file" };
}
