/** Jobs that go over their time limit: they end, soon, and nothing else does. */

import assert from "node:assert/strict";
import type { WorkerResponse } from "../fixtures/peers/controller_v1.ts";
import { type ControllerV2, failureOf, type LimitedJob } from "../fixtures/peers/controller_2.ts";
import { KINDS } from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { outputText, run, send } from "./controllers.ts";
import { allGive, connect2, failed, sendLimited, showPace, timed } from "./controllers_2.ts";

test("a job over its time limit ends soon, with the limit in its error", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  const pid = await run(controller, "pid");
  const job = sendLimited(controller, "spin", { timeMs: 300n });
  const tookMs = await timed(job);
  assert.equal(await failed(job, "timeout"), "timed out after 0.3 s");
  assert(tookMs >= 300, `it was ended after ${tookMs} ms already`);
  assert(tookMs < 1200, `it was ended after ${tookMs} ms only`);
  assert.notEqual(await run(controller, "pid"), pid);
});

for (const [others, limits] of [["without limits", {}], ["with it", { timeMs: 1000n }]] as const) {
  test(`among many short jobs ${others} only the one over its time limit ends, and soon`, async () => {
    await using worker = await startWorker({ slots: 1 });
    await using controller = await connect2(worker, "behave");
    await showPace(controller);
    const before = echoes(controller, 50, limits);
    const culprit = sendLimited(controller, "spin", { timeMs: 1000n });
    const behind = echoes(controller, 50, limits);
    const tookMs = await timed(culprit);
    assert(tookMs < 1900, `it was ended after ${tookMs} ms only, having run twice`);
    await failed(culprit, "timeout");
    await allGive([...before, ...behind], "unharmed");
  });
}

test("each of several jobs over their limit ends, those between them do not", async () => {
  await using worker = await startWorker({ slots: 2 });
  await using controller = await connect2(worker, "behave");
  await showPace(controller);
  const culprits: Promise<WorkerResponse>[] = [];
  const others: Promise<WorkerResponse>[] = [];
  for (let round = 0; round < 4; round++) {
    others.push(...echoes(controller, 20, { timeMs: 60_000n }));
    culprits.push(sendLimited(controller, "spin", { timeMs: 200n }));
  }
  others.push(...echoes(controller, 20, {}));
  for (const culprit of culprits) await failed(culprit, "timeout");
  await allGive(others, "unharmed");
});

test("a job of one controller over its limit harms none of another", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using slow = await connect2(worker, "behave");
  await using quick = await connect2(worker, "behave");
  await showPace(quick);
  const culprit = sendLimited(slow, "spin", { timeMs: 500n });
  const others = Array.from({ length: 500 }, () => send(quick, "echo unharmed"));
  await failed(culprit, "timeout");
  await allGive(others, "unharmed");
});

test("the time that a job waits for a slot does not count", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  await showPace(controller);
  const jobs = Array.from(
    { length: 6 },
    () => sendLimited(controller, "sleep 250", { timeMs: 1000n }),
  );
  await allGive(jobs, "slept");
});

test("the time that a core takes to load does not count", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker);
  const core = await coreBytes("init_sleeps", { SLEEP_MS: 1500 });
  const loaded = controller.sendCore("sleeps", core);
  const job = sendLimited(controller, "", { timeMs: 1000n });
  assert.equal(outputText(await job), "");
  assert.equal((await loaded).kind, "ok");
});

test("the time that it takes to hand over a large input does not count", async () => {
  await using worker = await startWorker({ slots: 1 });
  // Its jobs take no time, whatever they are given.
  await using controller = await connect2(worker, "init_sleeps", { SLEEP_MS: 0 });
  const input = "x".repeat(2 ** 28);
  assert.equal(outputText(await sendLimited(controller, input, { timeMs: 20n })), "");
});

test("a job that ends at the very moment its limit passes puts the blame on no other", async () => {
  await using worker = await startWorker({ slots: 2 });
  await using controller = await connect2(worker, "behave");
  await showPace(controller);
  for (let round = 0; round < 15; round++) {
    // The limits are looked at 20 times a second: somewhere in there.
    const atLimit = sendLimited(controller, `sleep ${100 + round * 4}`, { timeMs: 100n });
    const behind = echoes(controller, 30, round % 2 === 0 ? {} : { timeMs: 10_000n });
    const answer = await atLimit;
    if (answer.kind === "error") assert.equal(failureOf(answer).kind, KINDS.timeout);
    else assert.equal(outputText(answer), "slept");
    await allGive(behind, "unharmed");
  }
});

test("a job without limits is left alone beside one that has them", async () => {
  await using worker = await startWorker({ slots: 2 });
  await using controller = await connect2(worker, "behave");
  const job = sendLimited(controller, "sleep 1500");
  await failed(sendLimited(controller, "spin", { timeMs: 200n }), "timeout");
  assert.equal(outputText(await job), "slept");
});

test("the largest limits are taken, and are none", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  const most = 2n ** 64n - 1n;
  const job = sendLimited(controller, "sleep 200", { timeMs: most, memoryBytes: most });
  assert.equal(outputText(await job), "slept");
});

function echoes(
  controller: ControllerV2,
  count: number,
  limits: LimitedJob,
): Promise<WorkerResponse>[] {
  return Array.from({ length: count }, () => sendLimited(controller, "echo unharmed", limits));
}
