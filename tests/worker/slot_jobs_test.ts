/** The jobs that a worker counts. */

import assert from "node:assert/strict";
import { ResponseType } from "../../protocol/mod.ts";
import { test } from "../lib/test.ts";
import { SlotJobs } from "../../worker/slots/processes/slot_jobs.ts";
import { connect2, failed, sendLimited } from "./controllers_2.ts";
import { connect, fakeCore, run } from "./controllers.ts";
import type { Work } from "../../worker/lifetime.ts";
import { elapse, startFakeWorker } from "./own_worker.ts";

test("a worker counts jobs that are done, and attempts that fail with a slot", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker, "behave");
  for (let job = 0; job < 3; job++) await run(controller, "echo a");
  await failed(sendLimited(controller, "crash"), "crash");
  await run(controller, "echo a");
  const { done, failed: lost } = worker.worker.status.jobs;
  assert.deepEqual([done, lost], [4, 1]);
});

test("whoever watches a worker's time hears of cores that load and of jobs that have ended", async () => {
  const heard: Work[] = [];
  const lifetime = { onTick: (_jobs: unknown, work: Work) => void heard.push(work) };
  await using worker = await startFakeWorker({ lifetime });
  await using controller = await connect(worker);
  const sent = controller.sendCore("slow", await fakeCore("slow"));
  assert.equal((await elapse(worker.clock, sent, 1_000)).kind, "ok");
  assert(heard.some(({ slotsLoading }) => slotsLoading === 1));
  await run(controller, "echo a");
  await worker.clock.advance(1_000);
  assert.deepEqual([heard.at(-1)?.slotsLoading, heard.at(-1)?.done], [0, 1]);
});

test("a crash counts however many jobs the process before has answered", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker, "behave");
  for (let count = 1; count <= 3; count++) {
    await run(controller, "echo a");
    await failed(sendLimited(controller, "crash"), "crash");
    await failed(sendLimited(controller, "crash"), "crash");
    const { done, failed: lost } = worker.worker.status.jobs;
    assert.deepEqual([done, lost], [count, 2 * count]);
  }
});

test("a result with an exit code counts as failed, whichever of its bytes is not zero", () => {
  const jobs = new SlotJobs();
  const answer = (type: number, ...payload: number[]) =>
    jobs.onAnswer({ type, id: 1, payload: Uint8Array.from(payload) });
  answer(ResponseType.ok, 0, 0, 0, 0, 255);
  for (const byte of [0, 1, 2, 3]) {
    answer(ResponseType.ok, ...[0, 1, 2, 3].map((at) => at === byte ? 1 : 0));
  }
  answer(ResponseType.error, 0, 0, 0, 0);
  assert.deepEqual([jobs.done, jobs.failed], [1, 5]);
});
