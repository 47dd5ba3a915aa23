/** Results on their way to a program. */

import assert from "node:assert/strict";
import { ResultQueue } from "../../controller/result_queue.ts";
import { test } from "../lib/test.ts";

const MIB = 1024 * 1024;

test("no more inputs are taken while many results, or large ones, have not been", async () => {
  for (const [count, bytes] of [[1024, 1], [2, 32 * MIB]] as const) {
    const queue = new ResultQueue<number>(true);
    for (let index = 0; index < count; index++) queue.add(index, index, bytes);
    let hasRoom = false;
    const room = queue.room().then(() => hasRoom = true);
    await Promise.resolve();
    assert(!hasRoom, `${count} results of ${bytes} bytes`);
    const taken = await queue[Symbol.asyncIterator]().next();
    assert.equal(taken.value, 0);
    await room;
    assert(hasRoom);
  }
});
