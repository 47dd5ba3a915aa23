/** How many jobs each endpoint gets: windows, the end of a run, bytes. */

import assert from "node:assert/strict";
import { test } from "../lib/test.ts";
import { Recorder } from "./recorder.ts";

/** The names of many jobs. */
function names(count: number, prefix = "j"): string {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`).join(" ");
}

test("jobs are spread over endpoints before windows are filled", () => {
  const recorder = new Recorder({ isLocal: false });
  for (const slots of [2, 1]) recorder.endpoint(slots);
  const client = recorder.client();
  recorder.queue(client, "a b c d e f g");
  assert.deepEqual(recorder.schedule(), [
    "load core at 1",
    "load core at 2",
    "send a to 1",
    "send b to 1",
    "send c to 2",
    "send d to 1",
    "send e to 1",
    "send f to 2",
  ]);
  assert.deepEqual(recorder.answerAll(), ["a", "b", "c", "d", "e", "f", "g"]);
  recorder.assertNothingIsLeft();
});

test("a slot gets its next job once it has answered the last one", () => {
  const recorder = new Recorder();
  recorder.endpoint();
  const client = recorder.client();
  recorder.queue(client, "a b c");
  assert.deepEqual(recorder.schedule(), ["load core at 1", "send a to 1"]);
  assert.deepEqual(recorder.schedule(), []);
  recorder.answer("a", 1_000);
  assert.deepEqual(recorder.schedule(), ["send b to 1"]);
  recorder.answer("b", 1_000);
  assert.deepEqual(recorder.schedule(), ["send c to 1"]);
  recorder.answer("c", 1_000);
  recorder.assertNothingIsLeft();
});

test("a slot gets many short jobs at once, but at most half of those left, or two", () => {
  const recorder = new Recorder();
  const slot = recorder.endpoint();
  const client = recorder.client();
  let most = 0;
  recorder.onSend = () => {
    const out = recorder.out(slot).length;
    most = Math.max(most, out);
    assert.ok(out <= Math.max(2, Math.ceil(recorder.left / 2)), `${out} of ${recorder.left}`);
  };
  recorder.queue(client, names(2_000));
  recorder.answerAll(0.01);
  assert.ok(most > 150, `${most} jobs at once`);
  recorder.assertNothingIsLeft();
});

test("a deep window is filled up only once half of it is free", () => {
  const recorder = new Recorder({ isLocal: false });
  const worker = recorder.endpoint(1);
  const client = recorder.client();
  recorder.queue(client, names(2_000, "w"));
  recorder.answerAll(0.01);
  recorder.queue(client, names(5_000));
  const window = recorder.schedule().length;
  assert.ok(window > 100, `${window} jobs`);
  const answered = () => recorder.answer(recorder.out(worker)[0] as string, 0.01);
  for (let free = 1; free < Math.floor(window / 2); free++) {
    answered();
    assert.deepEqual(recorder.schedule(), []);
  }
  for (let more = 0; more < 5; more++) answered();
  assert.ok(recorder.schedule().length > window / 3);
  recorder.answerAll(0.01);
  recorder.assertNothingIsLeft();
});

test("near the end an endpoint gets at most its slots' part of half the jobs left", () => {
  const recorder = new Recorder({ isLocal: false });
  const slotsOf = new Map([3, 1].map((slots) => [recorder.endpoint(slots), slots]));
  const client = recorder.client();
  recorder.onSend = (endpoint) => {
    const slots = slotsOf.get(endpoint) as number;
    const limit = Math.max(slots, Math.ceil((slots * recorder.left) / (2 * 4)));
    assert.ok(recorder.out(endpoint).length <= limit, `${recorder.left} left`);
  };
  recorder.queue(client, names(40));
  recorder.pool.onClientEnded(client, true);
  recorder.answerAll(500);
  recorder.assertNothingIsLeft();
});

test("the end of a run counts as near only once its client has ended", () => {
  const recorder = new Recorder({ isLocal: false });
  recorder.endpoint(4);
  const client = recorder.client();
  recorder.queue(client, names(8));
  recorder.schedule();
  assert.equal(recorder.out().length, 8);
  recorder.answerAll();
  recorder.pool.onClientEnded(client, true);
  recorder.queue(client, names(8));
  recorder.schedule();
  assert.equal(recorder.out().length, 4, "then one for each slot is enough");
  recorder.pool.onClientEnded(client, false);
  recorder.schedule();
  assert.equal(recorder.out().length, 8);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("an endpoint gets one job for each slot however large, and no more while it is over the byte limit", () => {
  const recorder = new Recorder({ isLocal: false, endpointBytesMax: 1_000 });
  const worker = recorder.endpoint(2);
  const client = recorder.client();
  recorder.queue(client, "a b c d", { bytes: 900 });
  recorder.schedule();
  assert.deepEqual(recorder.out(worker), ["a", "b"]);
  recorder.answer("a");
  recorder.schedule();
  assert.deepEqual(recorder.out(worker), ["b", "c"]);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("jobs are queued at an endpoint while those before them are below the byte limit", () => {
  const recorder = new Recorder({ isLocal: false, endpointBytesMax: 1_000 });
  recorder.endpoint(1);
  recorder.endpoint(1);
  const client = recorder.client();
  recorder.queue(client, "a b", { bytes: 1_000 });
  recorder.queue(client, "c", { bytes: 1 });
  recorder.schedule();
  assert.deepEqual(recorder.out(), ["a", "b"], "both are at the limit");
  recorder.answer("a b");
  recorder.queue(client, "d e f", { bytes: 999 });
  recorder.schedule();
  assert.deepEqual(recorder.out(), ["c", "d", "e", "f"], "none is yet");
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("a worker that does not say how many slots it has gets more jobs as its answers show more slots", () => {
  const recorder = new Recorder({ isLocal: false });
  const worker = recorder.endpointWithUnknownSlots();
  const client = recorder.client();
  recorder.queue(client, names(40));
  recorder.schedule();
  assert.equal(recorder.out(worker).length, 2);
  assert.deepEqual(slotsOf(recorder), [1, false]);
  recorder.answer("j0 j1", 100);
  recorder.schedule();
  assert.equal(recorder.out(worker).length, 4, "both were answered at once");
  assert.deepEqual(slotsOf(recorder), [2, false]);
  recorder.answer("j5", 100);
  recorder.schedule();
  assert.equal(recorder.out(worker).length, 8, "the last of four was answered first");
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

function slotsOf({ pool }: Recorder): [number, boolean] {
  const { slots, slotsAreKnown } = pool.counts();
  return [slots, slotsAreKnown];
}

test("the capacity is what all windows take together", () => {
  const recorder = new Recorder({ isLocal: false });
  assert.equal(recorder.pool.capacity(), 0);
  for (const slots of [3, 1]) recorder.endpoint(slots);
  const client = recorder.client();
  recorder.queue(client, "a b");
  recorder.schedule();
  assert.equal(recorder.pool.capacity(), 8);
  assert.deepEqual(slotsOf(recorder), [4, true]);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("the utilization is the part of the slots' time with a job", () => {
  const recorder = new Recorder();
  recorder.endpoint();
  recorder.endpoint();
  const client = recorder.client();
  assert.equal(recorder.pool.utilization, 0);
  recorder.queue(client, "a b");
  recorder.schedule();
  recorder.answer("a", 100);
  recorder.schedule();
  recorder.answer("b", 100);
  recorder.schedule();
  assert.equal(recorder.pool.utilization, 0.75);
  recorder.assertNothingIsLeft();
});
