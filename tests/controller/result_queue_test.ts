/** Tests of the queue of results. */

import assert from "node:assert/strict";
import { ResultQueue } from "../../controller/result_queue.ts";
import { test } from "../lib/test.ts";

const MIB = 1024 * 1024;

test("there is no room for inputs while 1,024 results, or 64 MiB of them, wait to be taken", async () => {
  for (const [count, bytes] of [[1024, 1], [2, 32 * MIB]] as const) {
    const queue = new ResultQueue<number>(true);
    for (let index = 0; index < count; index++) queue.add(index, index, bytes);
    assert(!queue.hasRoom, `${count} results of ${bytes} bytes`);
    const room = queue.room();
    const taken = await queue[Symbol.asyncIterator]().next();
    assert.equal(taken.value, 0);
    await room;
    assert(queue.hasRoom);
  }
});

test("a producer that waits for room goes on when the consumer has had enough, or when all has failed", async () => {
  for (const end of ["cancel", "fail"] as const) {
    const queue = new ResultQueue<number>(true);
    for (let index = 0; index < 1024; index++) queue.add(index, index, 1);
    const room = queue.room();
    queue[end](new Error("all has failed"));
    await room;
    assert(queue.isCanceled && queue.hasRoom);
  }
});

test("results come in the order of the inputs or of their arrival, up to the last one", async () => {
  for (const [ordered, expected] of [[true, [0, 1, 2]], [false, [2, 0, 1]]] as const) {
    const queue = new ResultQueue<number>(ordered);
    for (const index of [2, 0, 1]) queue.add(index, index, 1);
    queue.end(3);
    assert.deepEqual(await Array.fromAsync(queue), expected);
    assert(queue.hasRoom);
  }
});

test("a consumer that waits goes on with each result, and with the end", async () => {
  const queue = new ResultQueue<number>(true);
  const taken: number[] = [];
  const all = (async () => {
    for await (const result of queue) taken.push(result);
  })();
  for (const index of [0, 1]) {
    await turn();
    queue.add(index, index, 1);
    await turn();
    assert.equal(taken.length, index + 1);
  }
  queue.end(2);
  await all;
});

test("results that have arrived are yielded before the failure", async () => {
  const queue = new ResultQueue<number>(true);
  queue.add(0, 0, 1);
  queue.fail(new Error("no worker is left"));
  const taken: number[] = [];
  await assert.rejects(async () => {
    for await (const result of queue) taken.push(result);
  }, /no worker is left/);
  assert.deepEqual(taken, [0]);
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
