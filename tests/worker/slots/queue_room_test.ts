/** How long large inputs of a controller wait while it has much queued. */

import assert from "node:assert/strict";
import type { ClientId } from "../../../pool/types.ts";
import { QueueRoom } from "../../../worker/slots/queue_room.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

const CLIENT = 1 as ClientId;
const OTHER = 2 as ClientId;
const LARGE = 32 * 1024;
const QUEUED_BYTES_MAX = 4 * 2 ** 20;
const WAIT_MS_MAX = 10;

test("the next large input waits while more than 4 MiB are queued, and a small one never", async () => {
  const { clock, room, queued } = rooms();
  queued.set(CLIENT, QUEUED_BYTES_MAX);
  assert.equal(room.wait(CLIENT, LARGE), undefined);
  queued.set(CLIENT, QUEUED_BYTES_MAX + 1);
  assert.equal(room.wait(CLIENT, LARGE - 1), undefined);
  assert.equal(room.wait(OTHER, LARGE), undefined, "another controller has nothing queued");
  const waits = watched(room.wait(CLIENT, LARGE));
  room.onPass();
  await clock.advance(WAIT_MS_MAX - 1);
  assert.equal(waits.isOver, false);
  queued.set(CLIENT, QUEUED_BYTES_MAX);
  room.onPass();
  await clock.advance(0);
  assert.equal(waits.isOver, true);
  assert.equal(clock.timers, 0);
});

test("an input waits for 10 ms at most, and those behind it do not wait until there was room", async () => {
  const { clock, room, queued } = rooms();
  queued.set(CLIENT, QUEUED_BYTES_MAX + 1);
  const waits = watched(room.wait(CLIENT, LARGE));
  await clock.advance(WAIT_MS_MAX);
  assert.equal(waits.isOver, true);
  assert.equal(room.wait(CLIENT, LARGE), undefined, "jobs are long");
  queued.set(CLIENT, 0);
  assert.equal(room.wait(CLIENT, LARGE), undefined);
  queued.set(CLIENT, QUEUED_BYTES_MAX + 1);
  assert(room.wait(CLIENT, LARGE), "there was room");
  room.onClientGone(CLIENT);
});

test("a controller that is gone waits for nothing, and nothing is known of it", async () => {
  const { clock, room, queued } = rooms();
  queued.set(CLIENT, QUEUED_BYTES_MAX + 1);
  const waits = watched(room.wait(CLIENT, LARGE));
  room.onClientGone(CLIENT);
  await clock.advance(0);
  assert.equal(waits.isOver, true);
  assert.equal(clock.timers, 0);
});

function rooms() {
  const clock = new VirtualClock();
  const queued = new Map<ClientId, number>();
  const room = new QueueRoom(clock, (client) => queued.get(client) ?? 0);
  return { clock, room, queued };
}

function watched(wait: Promise<void> | undefined): { isOver: boolean } {
  assert(wait, "it does not wait");
  const watch = { isOver: false };
  void wait.then(() => watch.isOver = true);
  return watch;
}
