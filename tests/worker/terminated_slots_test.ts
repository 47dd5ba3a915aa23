/** Slots that are told to end from outside, as `systemctl stop`, `scancel` or `kill` do: nobody is to blame. */

import assert from "node:assert/strict";
import process from "node:process";
import { signalQuietly, startWorker } from "../lib/processes.ts";
import { programTest, test } from "../lib/test.ts";
import { TERMINATIONS_MAX } from "../../worker/slots/terminations.ts";
import {
  allIsTaken,
  connectWith,
  fakeCore,
  loadAllSlots,
  outputText,
  run,
  send,
} from "./controllers.ts";
import { connect2, failed, isBusy, sendLimited } from "./controllers_2.ts";
import { elapse, startFakeWorker } from "./own_worker.ts";

const SIGTERM = 15;

for (const signal of ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"]) {
  test(`a job whose slot is ended by ${signal} runs again, and that does not count as an attempt`, async () => {
    await using worker = await startFakeWorker();
    await using controller = await connect2(worker, "behave");
    const job = sendLimited(controller, "sleep 100");
    const signals = [...Array(TERMINATIONS_MAX - 1).fill(signal), "SIGKILL", "SIGKILL"];
    for (const each of signals) {
      await isBusy(controller, 1);
      worker.fakes.running[0]?.crash(each);
    }
    await isBusy(controller, 1);
    await worker.clock.advance(100);
    assert.equal(outputText(await job), "slept", "a third SIGKILL would have been too much");
    assert.match(worker.log, new RegExp(`^slot 1 \\(pid 1000\\): was ended by ${signal}$`, "m"));
  });
}

test("a job fails as killed when its slot was ended ten times while it ran", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker, "behave");
  const job = sendLimited(controller, "spin");
  for (let time = 0; time < TERMINATIONS_MAX; time++) {
    await isBusy(controller, 1);
    worker.fakes.running[0]?.crash("SIGTERM");
  }
  assert.equal(await failed(job, "killed"), "was ended by SIGTERM, 10 times while it ran");
  assert.equal(await run(controller, "echo next"), "next");
});

programTest(
  "a core that ends itself with SIGTERM fails its job, and no job that shares its slot",
  async () => {
    await using worker = await startWorker({ slots: 1 });
    await using controller = await connectWith(worker, "behave");
    await Promise.all(Array.from({ length: 2_000 }, () => run(controller, "echo warm")));
    const before = Array.from({ length: 50 }, () => run(controller, "echo before"));
    const job = controller.sendJob(0n, new TextEncoder().encode(`raise ${SIGTERM}`));
    const behind = Array.from({ length: 50 }, () => run(controller, "echo behind"));
    assert.deepEqual(
      new Set(await Promise.all([...before, ...behind])),
      new Set(["before", "behind"]),
    );
    const { kind, payload } = await job;
    assert.equal(kind, "error");
    assert.match(new TextDecoder().decode(payload), /SIGTERM, 10 times while it ran$/);
  },
);

test("a slot that has used up its CPU time is replaced, and its job runs again", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker, "behave");
  const job = sendLimited(controller, "spin");
  for (let time = 0; time < 3; time++) {
    await isBusy(controller, 1);
    worker.fakes.running[0]?.crash("SIGXCPU");
  }
  assert.match(
    await failed(job, "killed"),
    /^was killed by SIGXCPU; its process has used up its CPU/,
  );
});

test("a draining worker hands the jobs of slots that are told to end back, without running them again", async () => {
  await using own = await startFakeWorker({ slots: 2 });
  await using controller = await connect2(own, "behave");
  const jobs = [1, 2].map(() => sendLimited(controller, "spin"));
  await isBusy(controller, 2);
  const drained = own.worker.drain();
  await controller.draining;
  for (const slot of own.fakes.running) slot.crash("SIGTERM");
  for (const job of jobs) await failed(job, "draining");
  await elapse(own.clock, drained);
});

test("a worker and its slots that all get SIGTERM at once hand back their jobs and leave nothing", async () => {
  await using worker = await startWorker({ slots: 2 });
  await using controller = await connect2(worker, "behave");
  await loadAllSlots(controller, 2);
  const jobs = [1, 2].map(() => sendLimited(controller, "sleep 60000"));
  await isBusy(controller, 2);
  worker.signal("SIGTERM");
  await controller.draining;
  for (const pid of await worker.descendants()) signalQuietly(pid, "SIGTERM");
  for (const job of jobs) await failed(job, "draining");
  await worker.endsCleanly();
});

test("a core whose slot is told to end while it loads is loaded again, ten times in all", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker);
  const refused = failed(controller.sendCore("terminated", await fakeCore("terminated")), "core");
  assert.match(await elapse(worker.clock, refused), /: was ended by SIGTERM$/);
  const loads = worker.fakes.started.filter(({ core }) => core === "terminated");
  assert.equal(loads.length, TERMINATIONS_MAX);
});

test("a slot that is stopped from outside goes on with its job when it is continued", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connectWith(worker, "behave");
  const pid = Number(await run(controller, "pid"));
  process.kill(pid, "SIGSTOP");
  const job = send(controller, "echo late");
  await allIsTaken(controller);
  process.kill(pid, "SIGCONT");
  assert.equal(outputText(await job), "late");
});
