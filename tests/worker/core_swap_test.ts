/** Which core a job runs with, if cores are replaced, shared, refused or still loading. */

import assert from "node:assert/strict";
import { type ControllerV1, errorText } from "../fixtures/peers/controller_v1.ts";
import { blob, CHOOSE, concat, CORE, SETUP, utf8 } from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { eventually } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import {
  allIsTaken,
  connect,
  connectWith,
  failureOf,
  fakeCore,
  loadCore,
  outputText,
  run,
  send,
} from "./controllers.ts";
import { connect2, failed, isBusy } from "./controllers_2.ts";
import { elapse, type OwnWorker, startFakeWorker, startOwnWorker } from "./own_worker.ts";

/** A core whose every output is this text. */
const stamp = (text: string) => ({ STAMP: `"${text}"` });

test("a job runs with the core that was current when its message arrived", async () => {
  await using worker = await startOwnWorker({ slots: 2 });
  await using controller = await connect(worker);
  const rounds = ["one", "two", "one", "three"].map(async (text) => {
    return { text, content: await coreBytes("version_stamp", stamp(text)) };
  });
  const sent = (await Promise.all(rounds)).map(({ text, content }) => ({
    text,
    core: controller.sendCore(text, content),
    // Right behind the core: it is not loaded yet, and those of the core before may not have started.
    jobs: Array.from({ length: 300 }, () => send(controller, "")),
  }));
  for (const { text, core, jobs } of sent) {
    assert.equal((await core).kind, "ok");
    for (const job of jobs) assert.equal(outputText(await job), text);
  }
});

test("jobs of the old core that wait for a slot still run with the old core", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connectFake(worker, "old");
  const old = ["sleep 300", "core", "sleep 100", "core"].map((input) => send(controller, input));
  assert.equal((await controller.sendCore("new", await fakeCore("new"))).kind, "ok");
  const next = run(controller, "core");
  const outputs = await elapse(worker.clock, Promise.all(old));
  assert.deepEqual(outputs.map(outputText), ["slept", "old", "slept", "old"]);
  assert.equal(await elapse(worker.clock, next), "new");
});

test("a core that cannot be loaded still replaces the one before, so that no core is current", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connectWith(worker, "echo");
  const before = send(controller, "with the old core");
  const refused = controller.sendCore("broken", utf8("this is no library"));
  const behind = send(controller, "");
  assert.equal(outputText(await before), "with the old core");
  assert.match(errorText(await refused), /"broken"/);
  assert.match(errorText(await behind), /"broken"/);
  assert.match(await failureOf(controller, ""), /"broken"/);
  await loadCore(controller, "echo");
  assert.equal(await run(controller, "with a new core"), "with a new core");
});

const UNREADABLE: [string, number, Uint8Array][] = [
  ["a core whose name is not UTF-8", CORE, concat(blob(Uint8Array.of(0xe9)), blob(utf8("x")))],
  ["a core with a byte too many", CORE, concat(blob(utf8("c")), blob(utf8("x")), utf8("y"))],
  ["a choice that is too short", CHOOSE, utf8("too short for a digest")],
  ["a setup that is too short", SETUP, utf8("too short for a digest")],
];

for (const [what, type, payload] of UNREADABLE) {
  test(`jobs behind ${what} do not run with the core before`, async () => {
    await using worker = await startFakeWorker();
    await using controller = await connect2(worker, "echo");
    const before = send(controller, "with the old core");
    const refused = failed(controller.send(type, payload), "protocol");
    const behind = failed(send(controller, "behind it"), "core");
    assert.equal(outputText(await before), "with the old core");
    assert.equal(await behind, `Cannot load the compute core that was sent last: ${await refused}`);
    await loadCore(controller, "echo");
    assert.equal(await run(controller, "with a new core"), "with a new core");
  });
}

test("a message of version 2 on a connection of version 1 leaves its core current", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connectWith(worker, "echo");
  assert.match(errorText(await controller.send(CHOOSE, utf8("short"))), /not a message type/);
  assert.equal(await run(controller, "as before"), "as before");
});

test("sending the current core again costs no process, whether a slot is idle or busy", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect(worker);
  await Promise.all([1, 2, 3].map(() => loadCore(controller, "behave"))); // also while it loads
  const pid = await run(controller, "pid");
  const { started } = worker.processes;
  await loadCore(controller, "behave");
  assert.equal(await run(controller, "pid"), pid);
  const sleeps = send(controller, "sleep 300");
  await loadCore(controller, "behave");
  const behind = send(controller, "pid");
  assert.equal(outputText(await elapse(worker.clock, sleeps)), "slept");
  assert.equal(outputText(await behind), pid);
  assert.equal(worker.processes.started, started);
});

test("sending the current core again costs no process while another controller has the only slot", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connectWith(worker, "echo");
  await using other = await connect2(worker, "behave");
  void send(other, "spin");
  await isBusy(other, 1);
  const { started } = worker.processes;
  await loadCore(controller, "echo");
  assert.equal(worker.processes.started, started);
});

test("a core that is sent again behind one that is refused serves the jobs behind it, no others", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connectWith(worker, "echo");
  const refused = controller.sendCore("refuses", await fakeCore("refuses"));
  const lost = send(controller, "");
  const again = controller.sendCore("echo", await coreBytes("echo"));
  const served = send(controller, "served");
  assert.match(errorText(await refused), /"refuses"/);
  assert.match(errorText(await lost), /"refuses"/);
  assert.equal((await again).kind, "ok");
  assert.equal(outputText(await served), "served");
});

test("a core that is sent again and again stays usable, even while slots are loading it", async () => {
  await using worker = await startFakeWorker({ slots: 3 });
  await using controller = await connect(worker);
  for (let time = 0; time < 10; time++) {
    await loadCore(controller, "echo");
    // Enough of them for every slot to load the core; the first that has it runs them all.
    const jobs = Array.from({ length: 20 }, () => run(controller, "served"));
    assert.deepEqual(await Promise.all(jobs), Array(20).fill("served"));
  }
});

for (const slots of [1, 2]) {
  test(`two controllers with different cores share ${slots === 1 ? "a slot" : "two slots"}`, async () => {
    await using worker = await startFakeWorker({ slots });
    await using one = await connectFake(worker, "one");
    await using two = await connectFake(worker, "two");
    const answers = Promise.all([ask(one), ask(two)]);
    const [ones, twos] = await elapse(worker.clock, answers);
    assert.deepEqual(ones, Array(5).fill("one"));
    assert.deepEqual(twos, Array(5).fill("two"));
  });
}

/** Runs a few jobs, each when the one before is answered. */
async function ask(controller: ControllerV1): Promise<string[]> {
  const outputs: string[] = [];
  while (outputs.length < 5) outputs.push(await run(controller, "core"));
  return outputs;
}

test("two controllers with the same core get their own answers", async () => {
  await using worker = await startFakeWorker({ slots: 2 });
  await using one = await connectWith(worker, "echo");
  await using two = await connectWith(worker, "echo");
  const answers = Array.from({ length: 1000 }, (_, index) => {
    const controller = index % 2 === 0 ? one : two;
    const id = BigInt(index >> 1) + 10n; // both use the same ids
    return controller.sendJob(id, utf8(`job ${index}`), id);
  });
  for (const [index, answer] of answers.entries()) {
    assert.equal(outputText(await answer), `job ${index}`);
  }
});

test("a core stays loaded for the controller that stays", async () => {
  await using worker = await startFakeWorker();
  await using leaves = await connectWith(worker, "behave");
  await using stays = await connectWith(worker, "behave");
  const pid = await run(stays, "pid");
  assert.equal(await run(leaves, "pid"), pid);
  await leaves.halfClose();
  await worker.isLeft();
  assert.equal(await run(stays, "pid"), pid);
});

test("a core is unloaded when its last controller is gone", async () => {
  await using worker = await startFakeWorker();
  await using leaves = await connectWith(worker, "behave");
  await run(leaves, "echo a job");
  await leaves.halfClose();
  await worker.isLeft();
  await using stays = await connect2(worker);
  await stays.ping();
  const [first] = worker.fakes.started;
  assert(first?.isGone && !first.isKilled);
  assert.equal(worker.fakes.started[1]?.core, "");
});

test("a slot that loads a core is freed at once when the last controller of the core leaves", async () => {
  await using worker = await startFakeWorker({ halfClosedMs: 100 });
  await using stays = await connectWith(worker, "behave");
  await using leaves = await connect(worker);
  const job = run(stays, "sleep 300000");
  await allIsTaken(stays);
  const sent = leaves.sendCore("slow", await fakeCore("slow"));
  assert.equal((await elapse(worker.clock, sent, 1_000)).kind, "ok");
  void send(leaves, "echo never");
  await allIsTaken(leaves);
  assert.equal(await elapse(worker.clock, job, 1_000), "slept");
  const loading = () => worker.fakes.running.find(({ core }) => core === "slow");
  await eventually("a slot loads it", () => loading() !== undefined);
  await leaves.close();
  await elapse(worker.clock, worker.isLeft(), 5);
  await eventually("it is not loaded any more", () => loading() === undefined);
  assert.equal(await run(stays, "echo next"), "next");
});

test("one controller's broken core does not affect another controller", async () => {
  await using worker = await startOwnWorker();
  await using good = await connectWith(worker, "echo");
  await using bad = await connect(worker);
  for (const core of ["init_crashes", "no_symbols", "init_refuses"]) {
    const refused = bad.sendCore(core, await coreBytes(core));
    assert.equal(await run(good, "undisturbed"), "undisturbed");
    assert.equal((await refused).kind, "error");
  }
});

/** Connects to a worker with fake slots and has it load a core of that name. */
async function connectFake(worker: OwnWorker, core: string): Promise<ControllerV1> {
  const controller = await connect(worker);
  assert.equal((await controller.sendCore(core, await fakeCore(core))).kind, "ok");
  return controller;
}
