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
