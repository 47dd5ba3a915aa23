/** What a worker says of itself, and the cores that it has kept. */

import assert from "node:assert/strict";
import os from "node:os";
import process from "node:process";
import {
  type ControllerV2,
  descriptionOf,
  digestOf,
  isChosen,
} from "../fixtures/peers/controller_2.ts";
import { utf8 } from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connectWith, fakeCore, loadCore, outputText, run, send } from "./controllers.ts";
import { connect2, failed, isBusy, sendLimited } from "./controllers_2.ts";
import { usableMemory } from "../../system/usable_memory.ts";
import { elapse, type OwnWorker, startFakeWorker } from "./own_worker.ts";

test("a worker says how many slots it has, where it runs and what it is", async () => {
  await using worker = await startWorker({ slots: 3 });
  await using controller = await connect2(worker);
  const said = await described(controller);
  assert.equal(said.slots, 3);
  assert.equal(said.memoryBytes, BigInt(usableMemory().totalBytes));
  assert.match(said.platform, new RegExp(`^${process.platform}-(x86_64|aarch64|arm64)$`));
  assert.match(said.software, /^distcomp \d+\.\d+\.\d+/);
  assert.equal(said.machine, os.hostname());
  assert.deepEqual(said.cores, []);
});

test("all connections to a worker see the same instance, and those to its successor another one", async () => {
  const first = await instances();
  const second = await instances();
  assert.equal(first[0], first[1]);
  assert.notEqual(first[0], second[0]);

  async function instances(): Promise<string[]> {
    await using worker = await startFakeWorker();
    await using one = await connect2(worker);
    await using two = await connect2(worker);
    return [(await described(one)).instance, (await described(two)).instance];
  }
});

test("a core stays stored when its last controller has disconnected, and can be chosen without its bytes", async () => {
  await using worker = await startFakeWorker();
  const digest = digestOf(await coreBytes("echo"));
  await leaveBehind(worker);
  await using controller = await connect2(worker);
  assert.deepEqual((await described(controller)).cores, [digest]);
  assert(isChosen(await controller.choose("echo", digest)));
  assert.equal(await run(controller, "from the kept core"), "from the kept core");
  assert.deepEqual((await described(controller)).cores, [digest]);
});

test("choosing the core that is current already costs no slot its process", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker, "behave");
  const before = await run(controller, "pid");
  assert(isChosen(await controller.choose("behave", digestOf(await coreBytes("behave")))));
  assert.equal(await run(controller, "pid"), before);
});

test("a core that a controller of version 1 has sent is kept too", async () => {
  await using worker = await startFakeWorker();
  await using first = await connectWith(worker, "echo");
  await using controller = await connect2(worker);
  assert(isChosen(await controller.choose("echo", digestOf(await coreBytes("echo")))));
  assert.equal(await run(controller, "shared"), "shared");
  assert.equal(await run(first, "shared"), "shared");
});

test("choosing a core that is not stored is answered with 0, and jobs fail until it is sent", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker);
  await controller.sendCore("before", await fakeCore("before"));
  const digest = digestOf(await coreBytes("echo"));
  const before = send(controller, "core");
  const chosen = controller.choose("echo", digest);
  const behind = Array.from({ length: 3 }, () => send(controller, "a job"));
  assert.equal(outputText(await before), "before");
  assert.equal(isChosen(await chosen), false);
  const expected = "The chosen compute core is not stored on this worker; send it first";
  for (const job of behind) assert.equal(await failed(job, "core"), expected);
  assert.equal(await failed(sendLimited(controller, "later"), "core"), expected);
  await loadCore(controller, "echo");
  assert.equal(await run(controller, "sent after all"), "sent after all");
});

test("a kept core that does not load is an error, each time it is chosen", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker);
  const content = await fakeCore("refuses");
  const reason = /^Cannot load compute core "refuses": worker_init returned 7$/;
  assert.match(await failed(controller.sendCore("refuses", content), "core"), reason);
  for (let time = 0; time < 2; time++) {
    const chosen = controller.choose("refuses", digestOf(content));
    const job = send(controller, "behind it");
    assert.match(await failed(chosen, "core"), reason);
    assert.match(await failed(job, "core"), reason);
  }
  await loadCore(controller, "echo");
  assert.equal(await run(controller, "a job"), "a job");
});

test("jobs right after a choice wait for the chosen core, those before it use the old one", async () => {
  await using worker = await startFakeWorker({ slots: 2 });
  await leaveBehind(worker);
  await using controller = await connect2(worker);
  await controller.sendCore("old", await fakeCore("old"));
  const old = Array.from({ length: 100 }, () => send(controller, "core"));
  const chosen = controller.choose("echo", digestOf(await coreBytes("echo")));
  const jobs = Array.from({ length: 100 }, () => send(controller, "core"));
  assert(isChosen(await elapse(worker.clock, chosen)));
  for (const job of await elapse(worker.clock, Promise.all(old))) {
    assert.equal(outputText(job), "old");
  }
  for (const job of await elapse(worker.clock, Promise.all(jobs))) {
    assert.equal(outputText(job), "echo");
  }
});

test("a choice does not change another connection's core", async () => {
  await using worker = await startFakeWorker({ slots: 2 });
  const stayed = await fakeCore("stayed");
  await using stays = await connect2(worker);
  await stays.sendCore("stayed", stayed);
  await using chooses = await connect2(worker, "echo");
  assert(isChosen(await chooses.choose("stayed", digestOf(stayed))));
  assert(isChosen(await chooses.choose("echo", digestOf(await coreBytes("echo")))));
  assert.equal(isChosen(await chooses.choose("none", digestOf(utf8("none")))), false);
  assert.equal(await run(stays, "core"), "stayed");
});

test("a core is chosen also while every slot is busy", async () => {
  await using worker = await startFakeWorker();
  await leaveBehind(worker);
  await using busy = await connect2(worker, "behave");
  void send(busy, "spin");
  await isBusy(busy, 1);
  await using controller = await connect2(worker);
  assert(isChosen(await controller.choose("echo", digestOf(await coreBytes("echo")))));
});

test("cores that do not load are not in use: eight of them are kept", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker);
  for (let number = 0; number < 10; number++) {
    const content = await fakeCore(`refused ${number}`);
    await failed(controller.sendCore("refuses", content), "core");
  }
  assert.equal((await described(controller)).cores.length, 8);
});

async function described(controller: ControllerV2) {
  return descriptionOf(await controller.describe());
}

/** Has the worker load the core "echo" for a controller that leaves. */
async function leaveBehind(worker: OwnWorker): Promise<void> {
  await using controller = await connect2(worker, "echo");
  await run(controller, "");
  await controller.halfClose();
  await worker.isLeft();
}
