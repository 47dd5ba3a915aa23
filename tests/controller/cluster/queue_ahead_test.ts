/** How many bytes of inputs a run reads ahead. */

import assert from "node:assert/strict";
import {
  AHEAD_BYTES_MIN,
  QUEUE_BYTES_MAX,
  QueueAhead,
} from "../../../controller/cluster/queue_ahead.ts";
import { KINDS } from "../../fixtures/peers/frames.ts";
import { test as plainTest } from "../../lib/test.ts";
import { test } from "../simulation.ts";

test("more is read ahead once slots have waited for inputs, and not while they are busy", async (simulation) => {
  const worker = await simulation.worker({ slots: 1 });
  const recorded = simulation.cluster();
  const { cluster } = recorded;
  const large = () => [new Uint8Array(AHEAD_BYTES_MIN)];
  worker.hold();
  recorded.dial(worker);
  recorded.addAll(large());
  assert.equal(cluster.hasRoom, false);
  await simulation.until("the slot has it", () => worker.received.jobs.length === 1);
  recorded.addAll(large());
  assert.equal(cluster.hasRoom, false, "the slot is busy");
  worker.release();
  await recorded.completed(2);
  recorded.addAll(large());
  assert.equal(cluster.hasRoom, true, "the slot has waited");
});

test("what waits for another node keeps no slot from other jobs", async (simulation) => {
  const worker = await simulation.worker({ slots: 1 });
  worker.script.answerJob = () => ({ kind: KINDS.crash, text: "crashed: SIGSEGV" });
  const recorded = simulation.cluster();
  recorded.dial(worker);
  await recorded.connected(1);
  recorded.dial({ port: 1 }); // nobody is there, but it is awaited
  recorded.addAll([new Uint8Array(AHEAD_BYTES_MIN)]);
  await simulation.until("it has failed", () => recorded.cluster.status.faults.crashes === 1);
  await simulation.advance(1_000);
  const { queued, slots, slotsBusy } = recorded.cluster.status;
  assert.deepEqual({ queued, slots, slotsBusy }, { queued: 1, slots: 1, slotsBusy: 0 });
  assert.equal(recorded.cluster.hasRoom, true);
});

plainTest("the limit doubles up to 64 MiB, each time only after the queue was full again", () => {
  const ahead = new QueueAhead();
  assert.equal(ahead.mayGrow, false, "it was never full");
  for (let bytes = AHEAD_BYTES_MIN; bytes < QUEUE_BYTES_MAX; bytes *= 2) {
    assertLimit(ahead, bytes);
    assert.equal(ahead.mayGrow, true);
    ahead.onStarved();
    assert.equal(ahead.mayGrow, false, "it was not full since");
  }
  assertLimit(ahead, QUEUE_BYTES_MAX);
  assert.equal(ahead.mayGrow, false, "it is the most");
});

plainTest(
  "when no slot has waited for long, the limit is halved, and no further than at first",
  () => {
    const ahead = new QueueAhead();
    assertLimit(ahead, AHEAD_BYTES_MIN);
    ahead.onStarved();
    for (let times = 0; times < 255; times++) assertLimit(ahead, 2 * AHEAD_BYTES_MIN);
    for (let more = 1; more <= 1_000; more++) ahead.onQueued(1, QUEUE_BYTES_MAX + more); // it is still full
    assertLimit(ahead, 2 * AHEAD_BYTES_MIN);
    for (let times = 0; times < 1_000; times++) assertLimit(ahead, AHEAD_BYTES_MIN);
  },
);

/** Fills the queue once. */
function assertLimit(ahead: QueueAhead, bytes: number): void {
  assert.equal(ahead.hasRoom(bytes - 1), true);
  ahead.onQueued(1, bytes);
  assert.equal(ahead.hasRoom(bytes), false);
}
