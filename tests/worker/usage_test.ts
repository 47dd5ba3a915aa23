/** What a worker says of what jobs have used: only who asks for it is told, and large outputs are no exception. */

import assert from "node:assert/strict";
import process from "node:process";
import { readUsage } from "../../protocol/mod.ts";
import { jobResult } from "../fixtures/peers/controller_v1.ts";
import type { ControllerV2 } from "../fixtures/peers/controller_2.ts";
import { utf8 } from "../fixtures/peers/frames.ts";
import { test } from "../lib/test.ts";
import { connectWith, run } from "./controllers.ts";
import { connect2, failed, sendLimited } from "./controllers_2.ts";
import { startOwnWorker } from "./own_worker.ts";

test("a controller of version 2 that asks for it gets what each job has used, and no other one does", async () => {
  await using worker = await startOwnWorker();
  await using asking = await connect2(worker, "behave");
  await using other = await connect2(worker, "behave");
  await using old = await connectWith(worker, "behave");
  await asking.askForUsage();
  for (const controller of [asking, other, old]) {
    assert.equal(await run(controller, "sleep 30"), "slept");
  }
  assert.equal(other.usages.size, 0);
  const { runUs, cpuUs, slot } = usageIn(asking);
  assert(runUs >= 30_000 && runUs < 10_000_000, `${runUs} µs`);
  assert(cpuUs > 0 && cpuUs < runUs, `${cpuUs} µs of CPU time`);
  assert.equal(slot, 0);
  await asking.askForUsage(false);
  asking.usages.clear();
  await run(asking, "echo again");
  assert.equal(asking.usages.size, 0);
});

test("a job that computes has its CPU time, and the next one has only its own", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connect2(worker, "behave");
  await controller.askForUsage();
  await failed(sendLimited(controller, "spin", { timeMs: 300n }), "timeout");
  const ended = usageIn(controller);
  assert(ended.runUs >= 300_000, `${ended.runUs} µs until the limit`);
  if (process.platform === "linux") {
    assert(ended.memoryBytes > 2 ** 20, `${ended.memoryBytes} bytes`);
  }
  await run(controller, "echo next");
  const { startUs, cpuUs } = usageIn(controller);
  assert(startUs >= ended.startUs + ended.runUs, "it began later");
  assert(cpuUs < 300_000, `${cpuUs} µs of CPU time`);
});

test("a job that crashes has the time until its slot was gone", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connect2(worker, "behave");
  await controller.askForUsage();
  await failed(sendLimited(controller, "crash"), "crash");
  const { startUs, runUs, cpuUs, slot } = usageIn(controller);
  assert(startUs > 0 && runUs > 0 && cpuUs === 0 && slot === 0);
});

test("a large output comes with what its job has used, and without it", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connect2(worker, "echo");
  const input = new Uint8Array(300_000).fill(7);
  for (const isWanted of [true, false]) {
    await controller.askForUsage(isWanted);
    const { output } = jobResult(await controller.sendJob(0n, input));
    assert.equal(output.byteLength, input.byteLength);
    assert(output.every((byte) => byte === 7));
  }
  assert.equal(controller.usages.size, 1);
  assert(usageIn(controller).runUs > 0);
});

test("a job's memory is its peak, which the next job does not have", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connect2(worker, "behave");
  await controller.askForUsage();
  await controller.sendJob(0n, utf8("huge 100000000"));
  const { memoryBytes } = usageIn(controller);
  await run(controller, "sleep 10");
  await run(controller, "sleep 10");
  const after = usageIn(controller).memoryBytes;
  if (process.platform === "linux") {
    assert(memoryBytes > after + 90_000_000, `${memoryBytes}, ${after}`);
  }
});

/** That of the job that was answered last. */
function usageIn({ usages }: ControllerV2) {
  const usage = [...usages.values()].at(-1);
  assert(usage, "the answer says what its job has used");
  return readUsage(usage);
}
