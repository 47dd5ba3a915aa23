/** Turns of the event loop, one after another. */

import assert from "node:assert/strict";
import { Turns } from "../../link/turns.ts";
import { Turns as TurnCount } from "../lib/turns.ts";
import { test } from "../lib/test.ts";

test("each caller gets a turn of the event loop that nobody else has got", async () => {
  const turns = new Turns();
  const loop = new TurnCount();
  const got: number[] = [];
  const callers = Array.from({ length: 5 }, () => turns.next().then(() => got.push(loop.count)));
  await Promise.all(callers);
  loop.stop();
  assert.equal(new Set(got).size, callers.length, `turns ${got}`);
});
