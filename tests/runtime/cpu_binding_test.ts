/** Which threads are bound to which CPUs, with a system that is written here. */

import assert from "node:assert/strict";
import { bindThreads } from "../../runtime/processes/cpu_binding.ts";
import { test } from "../lib/test.ts";

const MAIN = 100;

test("all threads are bound, also those that start meanwhile", () => {
  const passes = [[100, 101], [100, 101, 102], [101, 100, 102, 103], [100, 101, 102, 103]];
  const calls: number[] = [];
  const library = { sched_setaffinity: (thread: number) => (calls.push(thread), 0) };
  bindThreads(library, [0], () => passes.shift() ?? [100], MAIN);
  assert.deepEqual(calls, [100, 101, 102, 103]);
});

test("the mask has a bit for each CPU, in whole words", () => {
  const masks: string[] = [];
  const library = {
    sched_setaffinity: (_: number, bytes: number, mask: Uint8Array) => {
      assert.equal(bytes, mask.byteLength);
      masks.push([...mask].join(" "));
      return 0;
    },
  };
  for (const cpus of [[0, 9], [63], [64]]) bindThreads(library, cpus, () => [MAIN], MAIN);
  assert.deepEqual(masks, [
    "1 2 0 0 0 0 0 0",
    "0 0 0 0 0 0 0 128",
    "0 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0",
  ]);
});

test("a thread that has ended does not matter, a refusal does", () => {
  const failing = (refused: number) => ({
    sched_setaffinity: (thread: number) => thread === refused ? -1 : 0,
  });
  bindThreads(failing(101), [3], () => [100, 101], MAIN);
  assert.throws(
    () => bindThreads(failing(MAIN), [3, 4], () => [100, 101], MAIN),
    /Cannot bind this process to the CPUs 3, 4/,
  );
});
