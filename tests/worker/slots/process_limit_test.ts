/** How many processes a slot may have, and who waits until there is room for another. */

import assert from "node:assert/strict";
import { ProcessLimit } from "../../../worker/slots/processes/process_limit.ts";
import type { SlotProcess } from "../../../worker/slots/processes/slot_process.ts";
import { countListeners } from "../../lib/listeners.ts";
import { test } from "../../lib/test.ts";

test("two processes leave room for a third, and three for none until one has exited", async () => {
  const limit = new ProcessLimit();
  const processes = [1, 2, 3].map((pid) => new Process(pid));
  const reached = processes.map((process) => {
    process.addTo(limit);
    return limit.isReached;
  });
  assert.deepEqual(reached, [false, false, true]);
  assert.equal(limit.names, "processes 1, 2, 3");
  await processes[1]?.exit();
  assert.equal(limit.isReached, false);
  assert.equal(limit.names, "processes 1, 3");
});

test("who waits for room goes on when a process exits, and leaves no listener on the signal", async () => {
  const limit = new ProcessLimit();
  const processes = [1, 2, 3].map((pid) => new Process(pid));
  for (const process of processes) process.addTo(limit);
  const abort = new AbortController();
  const listeners = countListeners(abort.signal);
  let isOver = false;
  const waiting = limit.waitForRoom(abort.signal).then(() => isOver = true);
  await Promise.resolve();
  assert.deepEqual([isOver, listeners(), limit.waiters], [false, 1, 1]);
  await processes[0]?.exit();
  await waiting;
  assert.deepEqual([listeners(), limit.waiters], [0, 0]);
  await limit.waitForRoom(abort.signal);
  assert.deepEqual([listeners(), limit.waiters], [0, 0], "there was room at once");
});

test("who waits for room gives up when the signal aborts, before or meanwhile", async () => {
  const limit = new ProcessLimit();
  for (const pid of [1, 2, 3]) new Process(pid).addTo(limit);
  const abort = new AbortController();
  const listeners = countListeners(abort.signal);
  const waiting = limit.waitForRoom(abort.signal);
  abort.abort(new Error("no longer needed"));
  await assert.rejects(waiting, /no longer needed/);
  await assert.rejects(limit.waitForRoom(abort.signal), /no longer needed/);
  assert.deepEqual([listeners(), limit.waiters], [0, 0]);
});

/** A process that exits when the test says so. */
class Process {
  readonly #exited = Promise.withResolvers<void>();
  readonly #pid: number;

  constructor(pid: number) {
    this.#pid = pid;
  }

  addTo(limit: ProcessLimit): void {
    limit.add({ pid: this.#pid, exited: this.#exited.promise } as unknown as SlotProcess);
  }

  async exit(): Promise<void> {
    this.#exited.resolve();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
