/** Controllers that send cores faster than they load: a few are tried at a time, the others wait. */

import assert from "node:assert/strict";
import type { ControllerV2 } from "../fixtures/peers/controller_2.ts";
import type { ControllerV1, WorkerResponse } from "../fixtures/peers/controller_v1.ts";
import { concat, int32 } from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { eventually, startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connect, loadCore, outputText, run, send } from "./controllers.ts";
import { connect2, failed, isBusy } from "./controllers_2.ts";
import { type OwnWorker, startOwnWorker } from "./own_worker.ts";

const MEBIBYTE = 2 ** 20;

/** What a controller that has closed its connection asked for is not finished, and no limit ends it. */
const IMPATIENT = { halfClosedMs: 100, coreLoadLimitMs: 600_000 };

/** Longer than one read may bring: what follows such a core comes with another one. */
const LONG_BYTES = 300_000;

test("two cores of a controller are tried at once, however many it sends", async () => {
  await using worker = await startOwnWorker({ coreLoadLimitMs: 60_000 });
  await using _busy = await connectBusy(worker);
  await using hostile = await connect(worker);
  const before = worker.processes.started;
  await sendHanging(hostile, 20);
  await eventually("two are tried", () => worker.processes.started === before + 2);
  // Another controller's core is tried meanwhile: whatever else was begun would be there by then.
  await using other = await connect2(worker, "echo");
  await isBusy(other, 1);
  assert.equal(worker.processes.started, before + 3);
});

test("cores that hang, of any number of controllers, keep no other's from being tried", async () => {
  await using worker = await startOwnWorker({ coreLoadLimitMs: 600_000 });
  await using _busy = await connectBusy(worker);
  const before = worker.processes.started;
  await using one = await connect(worker);
  await using two = await connect(worker);
  for (let number = 0; number < 4; number++) {
    void (number < 2 ? one : two).sendCore("hangs", await hanging(number));
  }
  await eventually("four are tried", () => worker.processes.started === before + 4);
  await using honest = await connect2(worker);
  await loadCore(honest, "echo");
});

test("cores of a controller that is gone are not tried any more", async () => {
  await using worker = await startOwnWorker(IMPATIENT);
  await using _busy = await connectBusy(worker);
  await using hostile = await connect(worker);
  const before = worker.processes.started;
  await sendHanging(hostile, 2);
  await eventually("two are tried", () => worker.processes.started === before + 2);
  await hostile.close();
  await eventually("none is tried any more", () => worker.processes.running === 1);
  assert.equal(worker.processes.started, before + 2);
});

test("a slot that loads a core for a controller that is gone is free again", async () => {
  await using worker = await startOwnWorker(IMPATIENT);
  await using stays = await connect2(worker, "echo");
  assert.equal(await run(stays, "a job"), "a job");
  await using leaves = await connect2(worker);
  void leaves.sendCore("hangs", await hanging(1));
  await leaves.ping();
  const job = run(stays, "another");
  await leaves.close();
  assert.equal(await job, "another");
});

test("a core that another controller waits for, too, is tried on", async () => {
  await using worker = await startOwnWorker(IMPATIENT);
  const content = await coreBytes("init_sleeps", { SLEEP_MS: 1500 });
  await using stays = await connect2(worker);
  await using leaves = await connect2(worker);
  void leaves.sendCore("sleeps", content);
  await leaves.ping();
  const core = stays.sendCore("sleeps", content);
  await stays.ping();
  await leaves.close();
  assert.equal((await core).kind, "ok");
});

test("a ping behind two cores is answered at once, one behind a third waits for one of them", async () => {
  await using worker = await startOwnWorker({ coreLoadLimitMs: 1_000 });
  await using controller = await connect2(worker);
  const order = new Order();
  order.add("core", controller.sendCore("hangs", await hanging(1, LONG_BYTES)));
  order.add("core", controller.sendCore("hangs", await hanging(2, LONG_BYTES)));
  order.add("ping", controller.ping());
  await eventually("the ping is answered", () => order.seen.length > 0);
  order.add("core", controller.sendCore("hangs", await hanging(3, LONG_BYTES)));
  order.add("late ping", controller.ping());
  await order.settled();
  assert.deepEqual(order.seen.slice(0, 2), ["ping", "core"]);
  assert(order.seen.indexOf("late ping") > 1, order.seen.join());
});

test("cores that are loading count with their bytes", async () => {
  await using worker = await startOwnWorker({ coreLoadLimitMs: 3_000 });
  await using controller = await connect2(worker);
  const order = new Order();
  order.add("core", controller.sendCore("hangs", await hanging(1, 130 * MEBIBYTE)));
  order.add("ping", controller.ping());
  await eventually("the ping is answered", () => order.seen.length > 0);
  order.add("core", controller.sendCore("hangs", await hanging(2, 130 * MEBIBYTE)));
  order.add("late ping", controller.ping());
  await order.settled();
  assert.deepEqual(order.seen.slice(0, 2), ["ping", "core"]);
});

test("of many cores that come at once each is answered for itself, and each job meets its own", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker);
  const sent: { core: Promise<WorkerResponse>; job: Promise<WorkerResponse> }[] = [];
  for (let number = 0; number < 9; number++) {
    const content = number % 3 === 1
      ? concat(await coreBytes("init_refuses"), int32(number))
      : await coreBytes("version_stamp", { STAMP: `"${number}"` });
    sent.push({ core: controller.sendCore(`${number}`, content), job: send(controller, "") });
  }
  for (const [number, { core, job }] of sent.entries()) {
    if (number % 3 !== 1) {
      assert.equal((await core).kind, "ok");
      assert.equal(outputText(await job), String(number));
    } else {
      const reason = new RegExp(`"${number}": worker_init returned 7$`);
      for (const response of [core, job]) assert.match(await failed(response, "core"), reason);
    }
  }
  assert.equal(await run(controller, ""), "8");
});

/** What is answered, in the order in which that happens. */
class Order {
  readonly seen: string[] = [];
  readonly #answers: Promise<unknown>[] = [];

  add(what: string, answer: Promise<unknown>): void {
    this.#answers.push(answer.then(() => this.seen.push(what)));
  }

  async settled(): Promise<void> {
    await Promise.all(this.#answers);
  }
}

/** A core that never comes back from `worker_init`; no other number gives the same. */
async function hanging(number: number, moreBytes = 0): Promise<Uint8Array> {
  return concat(await coreBytes("init_hangs"), int32(number), new Uint8Array(moreBytes));
}

/** Sends cores that all hang. */
async function sendHanging(controller: ControllerV1, count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    void controller.sendCore("hangs", await hanging(number));
  }
}

/** A controller that keeps the only slot busy: every core is tried in a process of its own. */
async function connectBusy(worker: OwnWorker): Promise<ControllerV2> {
  const controller = await connect2(worker, "behave");
  void send(controller, "spin");
  await isBusy(controller, 1);
  await eventually("only its process is there", () => worker.processes.running === 1);
  return controller;
}
