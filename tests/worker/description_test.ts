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
import { type Program, startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connectWith, loadCore, outputText, run, send } from "./controllers.ts";
import { connect2, failed, isBusy, sendLimited } from "./controllers_2.ts";

test("a worker says how many slots it has, where it runs and what it is", async () => {
  await using worker = await startWorker({ slots: 3 });
  await using controller = await connect2(worker);
  const said = descriptionOf(await controller.describe());
  assert.equal(said.slots, 3);
  assert.equal(said.memoryBytes, BigInt(os.totalmem()));
  assert.match(said.platform, new RegExp(`^${process.platform}-(x86_64|aarch64|arm64)$`));
  assert.match(said.software, /^distcomp \d+\.\d+\.\d+/);
  assert.equal(said.machine, os.hostname());
  assert.deepEqual(said.cores, []);
});

test("connections to one worker see one instance, those to its successor another", async () => {
  const first = await instances();
  const second = await instances();
  assert.equal(first[0], first[1]);
  assert.notEqual(first[0], second[0]);

  async function instances(): Promise<string[]> {
    await using worker = await startWorker({ slots: 1 });
    await using one = await connect2(worker);
    await using two = await connect2(worker);
    return [(await described(one)).instance, (await described(two)).instance];
  }
});

test("a core stays when its last controller has left, and is chosen without its bytes", async () => {
  await using worker = await startWorker({ slots: 1 });
  const digest = digestOf(await coreBytes("echo"));
  await leaveBehind(worker, "echo");
  await using controller = await connect2(worker);
  assert.deepEqual((await described(controller)).cores, [digest]);
  assert(isChosen(await controller.choose("echo", digest)));
  assert.equal(await run(controller, "from the kept core"), "from the kept core");
  assert.deepEqual((await described(controller)).cores, [digest]);
});

test("choosing the core that is current already costs no slot its process", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker);
  await loadCore(controller, "behave");
  const before = await run(controller, "pid");
  assert(isChosen(await controller.choose("behave", digestOf(await coreBytes("behave")))));
  assert.equal(await run(controller, "pid"), before);
});

test("a core that a version 1 controller has sent is kept too", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using first = await connectWith(worker, "echo");
  await using controller = await connect2(worker);
  assert(isChosen(await controller.choose("echo", digestOf(await coreBytes("echo")))));
  assert.equal(await run(controller, "shared"), "shared");
  assert.equal(await run(first, "shared"), "shared");
});

test("a core that is not there is answered so, and jobs fail until it is sent", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "version_stamp");
  const digest = digestOf(await coreBytes("echo"));
  const before = send(controller, "");
  const chosen = controller.choose("echo", digest);
  const behind = Array.from({ length: 3 }, () => send(controller, "a job"));
  assert.equal(outputText(await before), "stamp");
  assert.equal(isChosen(await chosen), false);
  const expected = "The chosen compute core is not stored on this worker; send it first";
  for (const job of behind) assert.equal(await failed(job, "core"), expected);
  assert.equal(await failed(sendLimited(controller, "later"), "core"), expected);
  await loadCore(controller, "echo");
  assert.equal(await run(controller, "sent after all"), "sent after all");
});

test("a kept core that does not load is an error, each time it is chosen", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker);
  const content = await coreBytes("init_refuses");
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

test("jobs right behind a choice wait for the core, those before it have the old one", async () => {
  await using worker = await startWorker({ slots: 2 });
  await leaveBehind(worker, "echo");
  await using controller = await connect2(worker, "version_stamp");
  const old = Array.from({ length: 100 }, () => send(controller, "new"));
  const chosen = controller.choose("echo", digestOf(await coreBytes("echo")));
  const jobs = Array.from({ length: 100 }, () => send(controller, "new"));
  assert(isChosen(await chosen));
  for (const job of old) assert.equal(outputText(await job), "stamp");
  for (const job of jobs) assert.equal(outputText(await job), "new");
});

test("a choice does not change another connection's core", async () => {
  await using worker = await startWorker({ slots: 2 });
  await using stays = await connect2(worker, "version_stamp");
  await using chooses = await connect2(worker, "echo");
  assert(isChosen(await chooses.choose("stamp", digestOf(await coreBytes("version_stamp")))));
  assert(isChosen(await chooses.choose("echo", digestOf(await coreBytes("echo")))));
  assert.equal(isChosen(await chooses.choose("none", digestOf(utf8("none")))), false);
  assert.equal(await run(stays, ""), "stamp");
});

test("a core is chosen also while every slot is busy", async () => {
  await using worker = await startWorker({ slots: 1 });
  await leaveBehind(worker, "echo");
  await using busy = await connect2(worker, "behave");
  void send(busy, "sleep 60000");
  await isBusy(busy, 1);
  await using controller = await connect2(worker);
  assert(isChosen(await controller.choose("echo", digestOf(await coreBytes("echo")))));
  await worker.kill(); // nobody waits for the long job
});

test("of the cores that nobody uses the worker keeps eight", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker);
  const digests: string[] = [];
  for (let number = 0; number < 10; number++) {
    const defines = { STAMP: `"${number}"` };
    await loadCore(controller, "version_stamp", defines);
    digests.push(digestOf(await coreBytes("version_stamp", defines)));
  }
  // The tenth is in use, nine were given up in their order.
  assert.deepEqual((await described(controller)).cores.toSorted(), digests.slice(1).toSorted());
  assert.equal(isChosen(await controller.choose("first", digests[0] as string)), false);
});

async function described(controller: ControllerV2) {
  return descriptionOf(await controller.describe());
}

/** Has the worker load a core for a controller that leaves. */
async function leaveBehind(worker: Program, core: string): Promise<void> {
  await using controller = await connect2(worker, core);
  await run(controller, "");
  await controller.close();
  await worker.printed("stderr", /disconnected/);
}
