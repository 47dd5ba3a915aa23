/** Controllers that send cores faster than they load: a few are checked at a time, the others wait. */

import assert from "node:assert/strict";
import type { ControllerV2 } from "../fixtures/peers/controller_2.ts";
import type { WorkerResponse } from "../fixtures/peers/controller_v1.ts";
import { concat, int32 } from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { eventually } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connect, loadCore, outputText, run, send } from "./controllers.ts";
import { connect2, failed, isBusy } from "./controllers_2.ts";
import { elapse, type OwnWorker, startFakeWorker, startTimedWorker } from "./own_worker.ts";

/** Longer than one read may bring: what follows such a core comes with another one. */
const LONG_BYTES = 300_000;

/** Shorter than a controller may be silent. */
const LOAD_LIMIT_MS = 30_000;

/** A closed connection looks at first like one whose controller still reads. */
const SOON_GONE = { halfClosedMs: 100 };

/** What any core for fake slots begins with. */
const LIBRARY = await coreBytes("echo");

test("two cores of a controller are checked at once, however many it sends", async () => {
  await using worker = await startFakeWorker();
  await using _busy = await connectBusy(worker);
  await using hostile = await connect(worker);
  const before = worker.processes.started;
  for (let number = 0; number < 20; number++) void sendHanging(hostile, number);
  await eventually("two are checked", () => worker.processes.started === before + 2);
  // Another controller's core is checked meanwhile: whatever else was started would be there by then.
  await using other = await connect2(worker, "echo");
  await isBusy(other, 1);
  assert.equal(worker.processes.started, before + 3);
});

test("hanging cores of any number of controllers do not keep another controller's core from being checked", async () => {
  await using worker = await startFakeWorker();
  await using _busy = await connectBusy(worker);
  const before = worker.processes.started;
  await using one = await connect(worker);
  await using two = await connect(worker);
  for (let number = 0; number < 4; number++) void sendHanging(number < 2 ? one : two, number);
  await eventually("four are checked", () => worker.processes.started === before + 4);
  await using honest = await connect2(worker);
  await elapse(worker.clock, loadCore(honest, "echo")); // one of the hanging ones gives way after a second
});

test("cores of a disconnected controller are no longer checked", async () => {
  await using worker = await startFakeWorker(SOON_GONE);
  await using _busy = await connectBusy(worker);
  await using hostile = await connect(worker);
  const before = worker.processes.started;
  for (let number = 0; number < 2; number++) void sendHanging(hostile, number);
  await eventually("two are checked", () => worker.processes.started === before + 2);
  await hostile.close();
  await elapse(worker.clock, worker.isLeft());
  await eventually("none is checked any more", () => worker.processes.running === 1);
  assert.equal(worker.processes.started, before + 2);
});

test("a slot that loads a core for a disconnected controller is freed", async () => {
  await using worker = await startTimedWorker(SOON_GONE);
  await using stays = await connect2(worker, "echo");
  assert.equal(await run(stays, "a job"), "a job");
  await using leaves = await connect2(worker);
  void leaves.sendCore("hangs", await coreBytes("init_hangs"));
  await leaves.ping();
  const job = run(stays, "another");
  await leaves.close();
  await elapse(worker.clock, worker.isLeft());
  assert.equal(await job, "another");
});

test("the check of a core goes on while another controller waits for it", async () => {
  await using worker = await startFakeWorker({ ...SOON_GONE, coreLoadLimitMs: LOAD_LIMIT_MS });
  await using stays = await connect2(worker);
  await using leaves = await connect2(worker);
  void sendHanging(leaves, 1);
  await leaves.ping();
  const core = sendHanging(stays, 1);
  await stays.ping();
  // The core is written and its files are checked on the real disk before a slot loads it.
  await eventually("a slot loads it", () => worker.fakes.running[0]?.core === "hangs");
  await leaves.close();
  await elapse(worker.clock, worker.isLeft());
  assert.equal(worker.fakes.running.length, 1);
  await worker.clock.advance(LOAD_LIMIT_MS);
  await failed(core, "core");
});

test("a ping behind two cores is answered at once, one behind a third waits for one of them", async () => {
  await using worker = await startFakeWorker({ coreLoadLimitMs: LOAD_LIMIT_MS });
  await using controller = await connect2(worker);
  const order = new Order();
  order.add("core", sendHanging(controller, 1, LONG_BYTES));
  order.add("core", sendHanging(controller, 2, LONG_BYTES));
  await order.add("ping", controller.ping());
  order.add("core", sendHanging(controller, 3, LONG_BYTES));
  order.add("late ping", controller.ping());
  await cutShort(worker, order, "late ping");
  assert.deepEqual(order.seen.slice(0, 2), ["ping", "core"]);
});

test("each of many cores sent at once gets its own answer, and each job runs with its own core", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker);
  const sent: { core: Promise<WorkerResponse>; job: Promise<WorkerResponse> }[] = [];
  for (let number = 0; number < 9; number++) {
    const name = number % 3 === 1 ? "refuses" : `number ${number}`;
    const content = concat(LIBRARY, int32(number));
    sent.push({ core: controller.sendCore(name, content), job: send(controller, "core") });
  }
  for (const [number, { core, job }] of sent.entries()) {
    if (number % 3 !== 1) {
      assert.equal((await core).kind, "ok");
      assert.equal(outputText(await job), `number ${number}`);
    } else {
      const reason = /"refuses": worker_init returned 7$/;
      for (const response of [core, job]) assert.match(await failed(response, "core"), reason);
    }
  }
  assert.equal(await run(controller, "core"), "number 8");
});

/** What is answered, in the order in which that happens. */
class Order {
  readonly seen: string[] = [];

  async add(what: string, answer: Promise<unknown>): Promise<void> {
    await answer.catch(() => {}); // the test has ended before
    this.seen.push(what);
  }
}

/** Lets cores reach their limit, one after the other, until something is answered. */
async function cutShort(worker: FakeWorker, order: Order, what: string): Promise<void> {
  await eventually(`"${what}" is answered`, async () => {
    await worker.clock.advance(LOAD_LIMIT_MS / 10);
    return order.seen.includes(what);
  });
}

type FakeWorker = Awaited<ReturnType<typeof startFakeWorker>>;

/** Sends a core that never comes back from `worker_init`; each number is another one. */
function sendHanging(
  controller: { sendCore: ControllerV2["sendCore"] },
  number: number,
  moreBytes = 0,
): Promise<WorkerResponse> {
  const content = concat(LIBRARY, int32(number), new Uint8Array(moreBytes));
  return controller.sendCore("hangs", content);
}

/** A controller that keeps the only slot busy: every core is checked in a process of its own. */
async function connectBusy(worker: OwnWorker): Promise<ControllerV2> {
  const controller = await connect2(worker, "behave");
  void send(controller, "spin");
  await isBusy(controller, 1);
  await eventually("only its process is there", () => worker.processes.running === 1);
  return controller;
}
