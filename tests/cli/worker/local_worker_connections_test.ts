/** The connections of a local worker that several cores of a session share. */

import assert from "node:assert/strict";
import { serveSeveral } from "../../../cli/worker/local_worker_connections.ts";
import { nextTurn } from "../../../runtime/clock.ts";
import { MemoryNetwork } from "../../lib/memory_network.ts";
import { test } from "../../lib/test.ts";

test("each line opens a connection while others are open, and none once the last one has ended", async () => {
  const connections: PromiseWithResolvers<void>[] = [];
  const lines = new TransformStream<Uint8Array<ArrayBuffer>>();
  const writer = lines.writable.getWriter();
  const say = async () => {
    await writer.write(Uint8Array.of(0x0a));
    await nextTurn();
  };
  let hasEnded = false;
  const served = serveSeveral(told(lines.readable), 1, () => {
    connections.push(Promise.withResolvers());
    return connections.at(-1)!.promise;
  }).then(() => hasEnded = true);
  await say();
  assert.equal(connections.length, 2);
  connections[0]?.resolve();
  await say();
  assert.deepEqual([connections.length, hasEnded], [3, false]);
  for (const { resolve } of connections) resolve();
  await served;
  await say();
  assert.equal(connections.length, 3);
  await writer.close();
});

test("a connection that fails unexpectedly fails the worker", async () => {
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>>();
  const served = serveSeveral(told(readable), 1, () => Promise.reject(new Error("a bug")));
  await assert.rejects(served, /^Error: a bug$/);
  await writable.close();
});

/** A runtime that reads `lines` from its stdin. */
function told(lines: ReadableStream<Uint8Array<ArrayBuffer>>) {
  const reader = lines.getReader();
  const read = async (into: Uint8Array) => {
    const { done, value } = await reader.read();
    if (done) return null;
    into.set(value);
    return value.byteLength;
  };
  const { runtime } = new MemoryNetwork();
  const none = () => Promise.resolve();
  return {
    ...runtime,
    stdio: () => ({ peer: "stdio", read, write: none, endWrites: none, close: () => {} }),
  };
}
