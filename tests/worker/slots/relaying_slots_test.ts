/** Slots that can run no job because their large output is being sent. */

import assert from "node:assert/strict";
import type { EndpointId } from "../../../pool/types.ts";
import { RelayingSlots } from "../../../worker/slots/relaying_slots.ts";
import { test } from "../../lib/test.ts";

const SLOT = 1 as EndpointId;

test("a slot gets no job until its output is sent, or its process is replaced", async () => {
  const { slots, limits, passes } = relaying();
  const first = Promise.withResolvers<void>();
  slots.onBegun(SLOT, {}, first.promise);
  assert.deepEqual(limits, [0]);
  first.resolve();
  await first.promise;
  assert.deepEqual(limits, [0, Infinity]);
  assert.equal(passes(), 1);

  const second = Promise.withResolvers<void>();
  slots.onBegun(SLOT, {}, second.promise);
  slots.onReplaced(SLOT);
  assert.deepEqual(limits, [0, Infinity, 0, Infinity]);
  assert.equal(passes(), 2);
});

test("the end of an output of an earlier process does not free a slot whose process sends one now", async () => {
  const { slots, limits } = relaying();
  const [before, now] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  slots.onBegun(SLOT, {}, before.promise);
  slots.onReplaced(SLOT);
  slots.onBegun(SLOT, {}, now.promise);
  before.resolve();
  await before.promise;
  assert.deepEqual(limits, [0, Infinity, 0]);
});

function relaying() {
  const limits: number[] = [];
  let passes = 0;
  const pool = { onLimited: (_: EndpointId, jobsMax: number) => void limits.push(jobsMax) };
  const slots = new RelayingSlots(pool, () => passes += 1);
  return { slots, limits, passes: () => passes };
}
