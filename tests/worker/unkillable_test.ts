/**
 * Slots whose processes do not exit when killed, as on a dead file server: the worker goes on without them.
 * Processes are real, time is virtual. `slots/slot_test.ts` has more cases, with fake processes.
 */

import assert from "node:assert/strict";
import { startWorker } from "../lib/processes.ts";
import { testUnless } from "../lib/test.ts";
import { isThere, noUnkillable, Tracers } from "../lib/unkillable.ts";
import { run } from "./controllers.ts";
import { connect2, failed, isBusy, sendLimited } from "./controllers_2.ts";
import { elapse, startTimedWorker } from "./own_worker.ts";

const LIMIT = { timeMs: 1000n };

/** Time may pass quickly: the tests wait for real until a process hangs, and for nothing else. */
const STEP_MS = 500;

testUnless(
  noUnkillable,
  "a job whose process cannot be killed fails all the same, and its slot goes on in another process",
  async () => {
    await using worker = await startTimedWorker();
    using tracers = new Tracers(() => worker.log);
    await using controller = await connect2(worker, "unkillable");
    const job = failed(sendLimited(controller, "hang", LIMIT), "timeout");
    const tracer = await tracers.next();
    assert.match(await elapse(worker.clock, job, STEP_MS), /^timed out after 1s; ./);
    assert.equal(await run(controller, "next"), "next");
    assert.equal(worker.log.match(/^slot 1 \(pid \d+\): timed out after 1s; ./gm)?.length, 1);
    await elapse(worker.clock, worker.worker.drain(), STEP_MS);
    assert(isThere(tracer), "the worker has waited until the process was gone");
  },
);

testUnless(
  noUnkillable,
  "a worker that drains does not wait for a process that cannot be killed",
  async () => {
    await using worker = await startTimedWorker();
    using tracers = new Tracers(() => worker.log);
    await using controller = await connect2(worker, "unkillable");
    const hangs = failed(sendLimited(controller, "hang", LIMIT), "timeout");
    const tracer = await tracers.next();
    const drained = worker.worker.drain();
    assert.match(await elapse(worker.clock, hangs, STEP_MS), /^timed out after 1s; ./);
    await elapse(worker.clock, drained, STEP_MS);
    assert(isThere(tracer));
  },
);

testUnless(
  noUnkillable,
  "a second signal ends a worker at once, even if a process cannot be killed",
  async () => {
    await using worker = await startWorker({ slots: 1 });
    using tracers = new Tracers(() => worker.stderr);
    await using controller = await connect2(worker, "unkillable");
    void sendLimited(controller, "hang");
    const tracer = await tracers.next();
    worker.signal("SIGTERM");
    await worker.printed("stderr", /SIGTERM/);
    worker.signal("SIGTERM");
    assert.notEqual((await worker.exited).code, 0);
    assert(isThere(tracer));
  },
);

testUnless(
  noUnkillable,
  "a slot with three processes that cannot be killed waits until one is gone",
  async () => {
    await using worker = await startTimedWorker();
    using tracers = new Tracers(() => worker.log);
    await using controller = await connect2(worker, "unkillable");
    const pids: number[] = [];
    for (let time = 0; time < 3; time++) {
      const hangs = failed(sendLimited(controller, "hang", LIMIT), "timeout");
      pids.push(await tracers.next());
      await elapse(worker.clock, hangs, STEP_MS);
    }
    await worker.logs(/slot 1 is waiting for one of its processes \d+, \d+, \d+ to exit/);
    const job = run(controller, "waits");
    await isBusy(controller, 0, 1);
    tracers.end(pids[1] as number);
    assert.equal(await job, "waits");
  },
);
