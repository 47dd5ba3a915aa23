/** Turns of groups. */

import assert from "node:assert/strict";
import { Groups } from "../../system/groups.ts";
import { test } from "../lib/test.ts";

test("groups have turns, however many things they have, and the largest one loses its oldest", () => {
  const groups = new Groups<string>();
  for (const item of ["a1", "a2", "a3", "b1"]) groups.add(item.slice(0, 1), item);
  assert.equal(groups.takeInTurn(), "a1");
  groups.add("c", "c1");
  assert.deepEqual([groups.takeInTurn(), groups.takeInTurn()], ["b1", "a2"]);
  groups.add("c", "c2");
  groups.add("c", "c3");
  assert.equal(groups.takeNewestOfLargest(), "c3");
  assert.equal(groups.takeOfLargest(), "c1");
  assert.equal(groups.delete("c1"), false);
  assert.equal(groups.delete("c2"), true);
  assert.equal(groups.size, 1);
  assert.deepEqual([...groups.takeAll()], ["a3"]);
  assert.deepEqual([groups.takeInTurn(), groups.takeOfLargest(), groups.size], [
    undefined,
    undefined,
    0,
  ]);
});
