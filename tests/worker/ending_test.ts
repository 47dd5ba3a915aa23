/** How a worker ends: after one signal, after a second one, or killed. */

import assert from "node:assert/strict";
import process from "node:process";
import { coreBytes } from "../lib/cores.ts";
import { eventually, type Program, startWorker } from "../lib/processes.ts";
import { test, testUnless } from "../lib/test.ts";
import { allIsTaken, connectWith, loadAllSlots, outputText, run, send } from "./controllers.ts";
import { startOwnWorker } from "./own_worker.ts";
import { connectRaw, coreMessage, jobMessage, readFrames } from "./raw.ts";
import { Trace } from "./trace.ts";

const ENDINGS = [
  ["SIGTERM", "on SIGTERM a worker finishes and answers the jobs that run, and ends"],
  ["SIGINT", "on SIGINT a worker finishes and answers the jobs that run, and ends"],
  ["SIGHUP", "on SIGHUP a worker finishes and answers the jobs that run, and ends"],
] as const;

for (const [signal, name] of ENDINGS) {
  test(name, async () => {
    await using worker = await startWorker({ slots: 2 });
    await using controller = await connectWith(worker, "behave");
    await loadAllSlots(controller, 2);
    const jobs = [send(controller, "sleep 200"), send(controller, "sleep 300")];
    await allIsTaken(controller);
    worker.signal(signal);
    for (const job of jobs) assert.equal(outputText(await job), "slept");
    assert.deepEqual(await controller.closed, { by: "worker" });
    await worker.endsCleanly();
  });
}

test("a worker that is ending takes no core of a new controller", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connectWith(worker, "behave");
  await loadAllSlots(controller, 1);
  void send(controller, "sleep 60000");
  await allIsTaken(controller);
  worker.signal("SIGTERM");
  await worker.printed("stderr", /SIGTERM/);
  using socket = await connectRaw(worker);
  socket.write(coreMessage(1n, "behave", await coreBytes("behave")));
  assert.deepEqual(await readFrames(socket), [], "it closes the connection");
  await worker.kill(); // so that the long job need not finish
});

test("a controller that reads slowly gets every answer before the worker ends", async () => {
  await using worker = await startWorker({ slots: 1 });
  using socket = await connectRaw(worker);
  socket.write(coreMessage(1n, "behave", await coreBytes("behave")));
  for (const id of [2n, 3n, 4n]) socket.write(jobMessage(id, "huge 10000000"));
  socket.write(jobMessage(5n, "stdout all are answered"));
  await worker.printed("stderr", /all are answered/);
  worker.signal("SIGTERM");
  await worker.printed("stderr", /SIGTERM/);
  const answers = await readFrames(socket);
  assert.deepEqual(answers.map(({ id }) => id), [1n, 2n, 3n, 4n, 5n]);
  const sizes = answers.map(({ payloadBytes }) => payloadBytes);
  assert.deepEqual(sizes.slice(1, 4), [10_000_012, 10_000_012, 10_000_012]);
  await worker.endsCleanly();
});

test("a second signal ends a worker at once", async () => {
  await using worker = await startWorker({ slots: 2 });
  await using controller = await connectWith(worker, "behave");
  await loadAllSlots(controller, 2);
  void send(controller, "sleep 60000");
  void send(controller, "spin");
  await allIsTaken(controller);
  worker.signal("SIGTERM");
  await worker.printed("stderr", /SIGTERM/);
  worker.signal("SIGTERM");
  const { code } = await worker.exited;
  assert.notEqual(code, 0);
  assert.match(worker.stderr, /SIGTERM: stopping at once; runs give its jobs to other workers\n$/);
  assert.equal((await controller.closed).by, "worker");
  await noneIsLeft(worker);
  assert.deepEqual(await worker.files(), []);
});

test("SIGQUIT ends a worker at once", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connectWith(worker, "behave");
  void send(controller, "spin");
  await allIsTaken(controller);
  worker.signal("SIGQUIT");
  assert.deepEqual(await worker.exited, { code: 130, signal: null });
  await noneIsLeft(worker);
  assert.deepEqual(await worker.files(), []);
});

test("a worker that a program closes disconnects its controllers and unloads their cores", async () => {
  await using trace = new Trace();
  await using own = await startOwnWorker();
  await using controller = await connectWith(own, "destructor");
  await run(controller, trace.path);
  await own.worker.close();
  assert.deepEqual(await controller.closed, { by: "worker" });
  assert.match(await trace.text(), /^unloaded \d+\n$/);
});

test("the idle slots of a worker that is killed end", async () => {
  await using worker = await startWorker({ slots: 2 });
  await using controller = await connectWith(worker, "behave");
  await loadAllSlots(controller, 2);
  await worker.kill();
  await noneIsLeft(worker);
});

const cannotTell = process.platform === "linux" ? undefined : "only Linux tells a busy process";
testUnless(cannotTell, "the busy slots of a worker that is killed end", async () => {
  await using worker = await startWorker({ slots: 2 });
  await using controller = await connectWith(worker, "behave");
  await loadAllSlots(controller, 2);
  void send(controller, "spin");
  void send(controller, "sleep 60000");
  await allIsTaken(controller);
  await worker.kill();
  await noneIsLeft(worker);
});

async function noneIsLeft(worker: Program): Promise<void> {
  await eventually("no slot is left", async () => (await worker.descendants()).length === 0);
}
