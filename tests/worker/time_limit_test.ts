/** Jobs that exceed their time limit: they are killed soon, and no other job is. */

import assert from "node:assert/strict";
import type { WorkerResponse } from "../fixtures/peers/controller_v1.ts";
import { type ControllerV2, failureOf, type LimitedJob } from "../fixtures/peers/controller_2.ts";
import { KINDS } from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { test } from "../lib/test.ts";
import { outputText, run, send } from "./controllers.ts";
import {
  allGive,
  connect2,
  failed,
  isBusy,
  sendLimited,
  showPaceIn,
  timed,
} from "./controllers_2.ts";
import { elapse, startFakeWorker, startOwnWorker } from "./own_worker.ts";

/** How often limits are checked, and the longest time from a job's start to the second check. */
const TICK_MS = 50;

test("a job over its time limit ends soon, with the limit in its error", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connect2(worker, "behave");
  const pid = await run(controller, "pid");
  const job = sendLimited(controller, "spin", { timeMs: 300n });
  const tookMs = await timed(job);
  assert.equal(await failed(job, "timeout"), "timed out after 0.3s");
  assert(tookMs >= 300, `it was ended after ${tookMs} ms already`);
  assert.notEqual(await run(controller, "pid"), pid);
});

test("a job is killed between its time limit and two checks later", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker, "behave");
  const job = sendLimited(controller, "spin", { timeMs: 1000n });
  await isBusy(controller, 1);
  await worker.clock.advance(1000);
  assert.equal(controller.waiting, 1);
  await worker.clock.advance(2 * TICK_MS);
  assert.equal(await failed(job, "timeout"), "timed out after 1s");
});

for (const [others, limits] of [["without limits", {}], ["with it", { timeMs: 1000n }]] as const) {
  test(`among many short jobs ${others} only the one over its time limit ends, and runs once`, async () => {
    await using worker = await startFakeWorker();
    await using controller = await connect2(worker, "behave");
    await showPaceIn(worker.clock, controller);
    const before = echoes(controller, 50, limits);
    const culprit = sendLimited(controller, "spin", { timeMs: 1000n });
    const behind = echoes(controller, 50, limits);
    await elapse(worker.clock, failed(culprit, "timeout"));
    await allGive([...before, ...behind], "unharmed");
    const inputs = worker.fakes.started.flatMap(({ inputs }) => inputs);
    assert.equal(inputs.filter((input) => input === "spin").length, 1);
  });
}

test("each of several jobs over their limit is killed, and the jobs between them are not", async () => {
  await using worker = await startFakeWorker({ slots: 2 });
  await using controller = await connect2(worker, "behave");
  await showPaceIn(worker.clock, controller);
  const culprits: Promise<WorkerResponse>[] = [];
  const others: Promise<WorkerResponse>[] = [];
  for (let round = 0; round < 4; round++) {
    others.push(...echoes(controller, 20, { timeMs: 60_000n }));
    culprits.push(sendLimited(controller, "spin", { timeMs: 200n }));
  }
  others.push(...echoes(controller, 20, {}));
  for (const culprit of culprits) await elapse(worker.clock, failed(culprit, "timeout"));
  await allGive(others, "unharmed");
});

test("a job over its limit harms no job of another controller", async () => {
  await using worker = await startFakeWorker();
  await using slow = await connect2(worker, "behave");
  await using quick = await connect2(worker, "behave");
  await showPaceIn(worker.clock, quick);
  const culprit = sendLimited(slow, "spin", { timeMs: 500n });
  const others = Array.from({ length: 500 }, () => send(quick, "echo unharmed"));
  await elapse(worker.clock, failed(culprit, "timeout"));
  await allGive(others, "unharmed");
});

test("the time that a job waits for a slot does not count", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker, "behave");
  const jobs = Array.from(
    { length: 6 },
    () => sendLimited(controller, "sleep 900", { timeMs: 1000n }),
  );
  await elapse(worker.clock, allGive(jobs, "slept"));
});

test("the time that a core takes to load does not count", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connect2(worker);
  const core = await coreBytes("init_sleeps", { SLEEP_MS: 300 });
  const loaded = controller.sendCore("sleeps", core);
  const job = sendLimited(controller, "", { timeMs: 200n });
  assert.equal(outputText(await job), "");
  assert.equal((await loaded).kind, "ok");
});

test("the time that it takes to hand over a large input does not count", async () => {
  await using worker = await startOwnWorker();
  // Its jobs take no time, whatever they are given.
  await using controller = await connect2(worker, "init_sleeps", { SLEEP_MS: 0 });
  const input = "x".repeat(2 ** 27);
  assert.equal(outputText(await sendLimited(controller, input, { timeMs: 20n })), "");
});

test("a job that finishes just as its limit passes puts no blame on another job", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker, "behave");
  await showPaceIn(worker.clock, controller);
  for (let round = 0; round <= 2 * TICK_MS; round += 5) {
    // It ends a little before, at or after the look at which it is over its limit.
    const atLimit = sendLimited(controller, `sleep ${100 + round}`, { timeMs: 100n });
    const behind = echoes(controller, 30, round % 2 === 0 ? {} : { timeMs: 10_000n });
    const answer = await elapse(worker.clock, atLimit, 5);
    if (answer.kind === "error") assert.equal(failureOf(answer).kind, KINDS.timeout);
    else assert.equal(outputText(answer), "slept");
    await elapse(worker.clock, allGive(behind, "unharmed"));
  }
});

test("a job without limits is left alone beside one that has them", async () => {
  await using worker = await startFakeWorker({ slots: 2 });
  await using controller = await connect2(worker, "behave");
  const job = sendLimited(controller, "sleep 1500");
  await elapse(worker.clock, failed(sendLimited(controller, "spin", { timeMs: 200n }), "timeout"));
  assert.equal(outputText(await elapse(worker.clock, job)), "slept");
});

test("the largest limits are accepted, and limit nothing", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker, "behave");
  const most = 2n ** 64n - 1n;
  const job = sendLimited(controller, "sleep 200", { timeMs: most, memoryBytes: most });
  assert.equal(outputText(await elapse(worker.clock, job)), "slept");
});

function echoes(
  controller: ControllerV2,
  count: number,
  limits: LimitedJob,
): Promise<WorkerResponse>[] {
  return Array.from({ length: count }, () => sendLimited(controller, "echo unharmed", limits));
}
