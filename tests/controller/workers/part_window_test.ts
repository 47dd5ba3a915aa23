/** How many parts of files are on their way to a worker at once. */

import assert from "node:assert/strict";
import { PartWindow } from "../../../controller/workers/part_window.ts";
import { test } from "../../lib/test.ts";

/** Whether a promise has resolved by now. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  const pending = Symbol();
  await Promise.resolve();
  return await Promise.race([promise, Promise.resolve(pending)]) !== pending;
}

test("there is room up to the number of parts, and again when one is answered", async () => {
  const window = new PartWindow(2, 100);
  for (let part = 0; part < 2; part++) {
    await window.room(1);
    window.onSent(1);
  }
  const room = window.room(1);
  assert(!await isDone(room));
  window.onAnswered(1);
  await room;
});

test("there is room up to the number of bytes, and for a part that is larger if it is alone", async () => {
  const window = new PartWindow(10, 100);
  await window.room(500);
  window.onSent(500);
  const room = window.room(0);
  assert(!await isDone(room));
  window.onAnswered(500);
  await room;
  window.onSent(60);
  await window.room(40);
  const tooMuch = window.room(41);
  assert(!await isDone(tooMuch));
  window.onAnswered(60);
  await tooMuch;
});

test("a window is emptied when each part is answered", async () => {
  const window = new PartWindow(10, 100);
  await window.emptied();
  for (const bytes of [1, 0, 2]) window.onSent(bytes);
  const emptied = window.emptied();
  for (const bytes of [0, 2]) window.onAnswered(bytes);
  assert(!await isDone(emptied));
  window.onAnswered(1);
  await emptied;
});

test("whoever waits fails with the first reason, and so does whoever comes later", async () => {
  const window = new PartWindow(1, 100);
  window.onSent(1);
  const waiting = [window.room(1), window.emptied()];
  window.fail(new Error("first"));
  window.fail(new Error("second"));
  for (const wait of waiting) await assert.rejects(wait, { message: "first" });
  window.onAnswered(1);
  await assert.rejects(window.room(1), { message: "first" });
  await assert.rejects(window.emptied(), { message: "first" });
  assert.throws(() => window.check(), { message: "first" });
});
