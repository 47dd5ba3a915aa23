/** The scripted peers of version 2, tested against each other, because other tests rely on them. */

import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import {
  ControllerV2,
  descriptionOf,
  digestOf,
  failureOf,
  isChosen,
  loadOf,
} from "../fixtures/peers/controller_2.ts";
import { ControllerV1, errorText, jobResult } from "../fixtures/peers/controller_v1.ts";
import { KINDS, PING, utf8 } from "../fixtures/peers/frames.ts";
import { startPeer } from "../fixtures/peers/scripted_worker.ts";
import {
  onlyVersion1,
  type Refusal,
  ScriptedWorker2,
} from "../fixtures/peers/scripted_worker_2.ts";
import { eventually } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { ABC, CORE, outputOf, withCore } from "./controllers_2.ts";

for (const cut of ["whole", "bytes", 7] as const) {
  test(`a controller and a worker of version 2 understand each other, cut ${cut}`, async () => {
    await using worker = await ScriptedWorker2.start({ slots: 2, machine: "β", memoryBytes: 9n });
    await using controller = await ControllerV2.agreed(worker.port, { cut });
    assert.deepEqual(descriptionOf(await controller.describe()), {
      instance: worker.instance,
      slots: 2,
      memoryBytes: 9n,
      platform: "linux-x86_64",
      software: "scripted 2",
      machine: "β",
      cores: [],
    });
    assert.equal(isChosen(await controller.choose("core", digestOf(CORE))), false);
    assert.equal((await controller.sendCore("core", CORE)).kind, "ok");
    assert.equal(isChosen(await controller.choose("core", digestOf(CORE))), true);
    assert.deepEqual(descriptionOf(await controller.describe()).cores, [digestOf(CORE)]);

    const limits = { jobId: 2n ** 64n - 1n, attempt: 3, timeMs: 30_000n, memoryBytes: 2n ** 63n };
    assert.equal(outputOf(await controller.sendLimitedJob(ABC, limits)), "abc");
    assert.equal(outputOf(await controller.sendJob(1n, ABC)), "abc");
    const idle = { slotsBusy: 0, jobsWaiting: 0n, memoryFreeBytes: 0n };
    assert.deepEqual(loadOf(await controller.ping()), idle);

    const { jobs, describes, pings, chooses, cores } = worker.received;
    assert.deepEqual([describes, pings, chooses.length, cores.length], [2, 1, 2, 1]);
    const { jobId, ...seen } = limits;
    const [limited, plain] = jobs.map(({ id: _id, ...job }) => job);
    assert.deepEqual(limited, { job: jobId, input: ABC, core: digestOf(CORE), ...seen });
    assert.deepEqual(plain, { job: 1n, input: ABC, core: digestOf(CORE) });
    assert.deepEqual(worker.complaints, []);
  });
}

test("a worker of version 2 answers a job with any kind, an exit code, or never", async () => {
  const answers = [{ kind: 4, text: "late" }, { kind: 99, text: "" }, "silence"] as const;
  await using worker = await ScriptedWorker2.start({
    answerJob: ({ job }) => answers[Number(job)] ?? { exitCode: -1, output: utf8("out") },
  });
  await using controller = await withCore(worker);
  const [first, second, , last] = [0n, 1n, 2n, 3n].map((jobId) =>
    controller.sendLimitedJob(ABC, { jobId })
  );
  assert(first && second && last);
  assert.deepEqual(failureOf(await first), answers[0]);
  assert.deepEqual(failureOf(await second), answers[1]);
  assert.deepEqual(jobResult(await last), { exitCode: -1, output: utf8("out") });
  assert.equal(controller.waiting, 1);
});

test("a canceled job is answered before the cancel, whether it waits, runs or is done", async () => {
  await using worker = await ScriptedWorker2.start();
  await using controller = await withCore(worker);
  assert.equal(outputOf(await controller.sendLimitedJob(ABC, {}, 70n)), "abc");
  worker.hold();
  const running = controller.sendLimitedJob(ABC, {}, 71n);
  const waiting = controller.sendJob(1n, ABC, 72n);
  assert.deepEqual(loadOf(await controller.ping()).jobsWaiting, 1n);
  await Promise.all([70n, 71n, 72n].map((id) => controller.cancel(id)));
  assert.equal(failureOf(await running).kind, KINDS.cancelled);
  assert.equal(failureOf(await waiting).kind, KINDS.cancelled);
  assert.equal(loadOf(await controller.ping()).slotsBusy, 0);
  assert.deepEqual(worker.received.cancels, [70n, 71n, 72n]);
  assert.deepEqual(worker.complaints, []);
});

test("a job's own answer may arrive before that of its cancel", async () => {
  await using worker = await ScriptedWorker2.start({ answersBeforeCancel: true });
  await using controller = await withCore(worker);
  worker.hold();
  const job = controller.sendLimitedJob(ABC, {}, 7n);
  await controller.cancel(7n);
  assert.equal(outputOf(await job), "abc");
});

test("held jobs keep their slots until they are released", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 2, memoryFreeBytes: 2n ** 63n });
  await using one = await withCore(worker);
  await using other = await withCore(worker);
  worker.hold();
  const jobs = [one, one, other, other, other].map((controller) => controller.sendLimitedJob(ABC));
  await eventually("all jobs are there", () => worker.received.jobs.length === 5);
  assert.deepEqual(loadOf(await one.ping()), {
    slotsBusy: 2,
    jobsWaiting: 3n,
    memoryFreeBytes: 2n ** 63n,
  });
  worker.release();
  assert.deepEqual((await Promise.all(jobs)).map(outputOf), Array(5).fill("abc"));
  assert.equal(worker.maxOutstanding, 3);
});

test("a draining worker sends a notice, refuses waiting and new jobs, finishes running ones, and closes", async () => {
  await using worker = await ScriptedWorker2.start();
  await using controller = await withCore(worker);
  worker.hold();
  const [running, waiting] = [controller.sendLimitedJob(ABC), controller.sendLimitedJob(ABC)];
  await eventually("both jobs are there", () => worker.received.jobs.length === 2);
  worker.drain();
  await controller.draining;
  assert.equal(failureOf(await waiting).kind, KINDS.draining);
  assert.equal(failureOf(await controller.sendLimitedJob(ABC, { jobId: 5n })).kind, KINDS.draining);
  assert.equal(controller.notices, 1);
  worker.release();
  assert.equal(outputOf(await running), "abc");
  assert.deepEqual(await controller.closed, { by: "worker" });
});

test("a worker that hangs answers nothing, and answers everything when it wakes", async () => {
  await using worker = await ScriptedWorker2.start({ answersPings: false });
  await using controller = await withCore(worker);
  void controller.ping();
  assert.equal(outputOf(await controller.sendLimitedJob(ABC)), "abc");
  assert.deepEqual([worker.received.pings, controller.waiting], [1, 1]);
  worker.hold();
  const job = controller.sendLimitedJob(ABC);
  await eventually("the job is there", () => worker.received.jobs.length === 2);
  worker.hang();
  worker.release();
  const pong = controller.ping();
  assert.equal(controller.waiting, 3);
  worker.script.answersPings = true;
  worker.wake();
  assert.equal(outputOf(await job), "abc");
  assert.equal(loadOf(await pong).slotsBusy, 0);
});

test("a worker of version 2 that refuses a core, sent or chosen, then has no current core", async () => {
  const failure = { kind: KINDS.core, text: "built for another machine" };
  await using worker = await ScriptedWorker2.start({
    answerCore: () => failure,
    keptCores: [digestOf(CORE)],
  });
  await using controller = await ControllerV2.agreed(worker.port);
  assert.deepEqual(failureOf(await controller.choose("core", digestOf(CORE))), failure);
  assert.deepEqual(failureOf(await controller.sendCore("core", CORE)), failure);
  assert.equal(failureOf(await controller.sendLimitedJob(ABC)).kind, KINDS.core);
});

test("a worker may have forgotten a core that it says it has", async () => {
  await using worker = await ScriptedWorker2.start({
    keptCores: [digestOf(CORE)],
    forgetsCores: true,
  });
  await using controller = await ControllerV2.agreed(worker.port);
  assert.deepEqual(descriptionOf(await controller.describe()).cores, [digestOf(CORE)]);
  assert.equal(isChosen(await controller.choose("core", digestOf(CORE))), false);
});

test("a worker that restarts is another process without cores", async () => {
  await using worker = await ScriptedWorker2.start({ instance: "ab".repeat(16) });
  await using before = await withCore(worker);
  assert.equal(descriptionOf(await before.describe()).instance, "ab".repeat(16));
  worker.restart();
  await before.closed;
  await using after = await ControllerV2.agreed(worker.port);
  const { instance, cores } = descriptionOf(await after.describe());
  assert.notEqual(instance, "ab".repeat(16));
  assert.deepEqual(cores, []);
});

test("a worker of version 2 may dial", async () => {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const server = createServer(resolve).listen(0, "127.0.0.1");
  await eventually("it listens", () => server.listening);
  await using _worker = await ScriptedWorker2.dialing((server.address() as { port: number }).port);
  await using controller = new ControllerV2(await promise);
  server.close();
  await controller.agree();
  assert.equal(descriptionOf(await controller.describe()).slots, 1);
});

test("a worker of version 2 serves a controller that offers version 1", async () => {
  await using worker = await ScriptedWorker2.start();
  await using controller = await ControllerV1.connect(worker.port);
  await controller.exchangeVersion(1);
  assert.equal(errorText(await controller.sendJob(1n, ABC)), "no compute core is loaded");
  await controller.sendCore("core", CORE);
  assert.equal(outputOf(await controller.sendJob(1n, ABC)), "abc");
  assert.deepEqual(worker.complaints, []);
  assert.match(errorText(await controller.send(PING, new Uint8Array())), /unknown message type/);
  assert.match(String(worker.complaints), /message type 8 where version 1 is agreed/);
});

for (const refusal of ["answers 0", "error", "ends"] satisfies Refusal[]) {
  test(`a worker of version 1 that refuses version 2 (${refusal}) serves a controller that offers 1 next`, async () => {
    await using peer = await startPeer(onlyVersion1(refusal));
    await assert.rejects(ControllerV2.agreed(peer.port));
    await using controller = await ControllerV1.connect(peer.port);
    assert.deepEqual((await controller.exchangeVersion(1)).payload, Uint8Array.of(1));
    await controller.sendCore("core", CORE);
    assert.equal(outputOf(await controller.sendJob(1n, ABC)), "abc");
  });
}
