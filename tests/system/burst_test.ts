/** Things that happen together. */

import assert from "node:assert/strict";
import { Burst } from "../../system/burst.ts";
import { test } from "../lib/test.ts";

test("what happens together is reported together, once nothing has come for half a second", () => {
  const bursts: number[][] = [];
  const burst = new Burst<number>((items) => bursts.push([...items]));
  burst.add(1);
  burst.onTick(1_000);
  burst.add(2);
  burst.onTick(1_250);
  burst.onTick(1_500);
  assert.deepEqual(bursts, []);
  burst.onTick(1_750);
  burst.onTick(9_000);
  assert.deepEqual(bursts, [[1, 2]]);
});

test("what does not stop is reported every two seconds, or as soon as there are ten thousand", () => {
  const sizes: number[] = [];
  const burst = new Burst<number>(({ length }) => sizes.push(length));
  for (let nowMs = 0; nowMs < 5_000; nowMs += 250) {
    burst.add(nowMs);
    burst.onTick(nowMs);
  }
  assert.deepEqual(sizes, [9, 9]);
  for (let item = 0; item < 10_000; item++) burst.add(item);
  assert.deepEqual(sizes, [9, 9, 10_000]);
});
