/** What a worker says of itself in one line. */

import assert from "node:assert/strict";
import { workerLine, WorkerLines } from "../../../cli/worker/worker_line.ts";
import type { WorkerStatus } from "../../../protocol/mod.ts";
import { test } from "../../lib/test.ts";

const BUSY: WorkerStatus = {
  controllers: ["10.0.0.1:5000"],
  isDraining: false,
  slots: 8,
  slotsBusy: 7,
  jobsWaiting: 12,
  jobs: { done: 1204, failed: 3 },
  cores: [{ name: "mandel.so", sha256: "0123456789abcdef", slots: 8 }],
  slotsBytes: 1.2e9,
  memoryFreeBytes: 12.3e9,
};

test("a wide line says how busy a worker is, with how many jobs, for whom, with which core and memory", () => {
  assert.equal(
    workerLine(BUSY, 160),
    "7/8 slots busy  1,204 done  3 failed  for 10.0.0.1  core mandel.so  12 waiting  " +
      "1.2 GB in slots  12.3 GB free",
  );
  assert.equal(
    workerLine({
      ...BUSY,
      slotsBusy: 0,
      jobsWaiting: 0,
      isDraining: true,
      controllers: [],
      cores: [],
      slotsBytes: null,
    }, 160),
    "draining: 0/8 slots busy  1,204 done  3 failed  no controller  12.3 GB free",
  );
});

test("a line fits into every window, and its most important parts stay longest", () => {
  const whole = workerLine(BUSY, 160).split("  ");
  for (let columns = 1; columns <= 160; columns++) {
    const line = workerLine(BUSY, columns);
    assert(line.length <= columns);
    if (columns >= 14) assert.deepEqual(line.split("  "), whole.slice(0, line.split("  ").length));
  }
});

test("several controllers and cores are counted, connections of one host as one, without control characters", () => {
  const controllers = ["10.0.0.1:5000", "10.0.0.1:5001", "10.0.0.2:5000", "10.0.0.3:1"];
  const core = { sha256: "", slots: 1 };
  const cores = [{ ...core, name: "one.so" }, { ...core, name: "\u001btwo.so", slots: 5 }];
  const line = workerLine({ ...BUSY, controllers, cores }, 160);
  assert.match(line, / for 10\.0\.0\.1 and 2 more {2}core {2}two\.so and 1 more {2}12 waiting/);
});

test("a log has a line while there are jobs, one more when there are none, and then nothing", () => {
  const lines = new WorkerLines();
  const idle = { ...BUSY, slotsBusy: 0, jobsWaiting: 0, jobs: { done: 0, failed: 0 } };
  assert.equal(lines.next(idle), undefined, "nothing has happened yet");
  assert.match(lines.next(BUSY) ?? "", /^7\/8 slots busy, 1,204 done, 3 failed, for 10\.0\.0\.1, /);
  assert(lines.next(BUSY), "a job that takes long is news, too");
  const after = { ...idle, jobs: { done: 1205, failed: 3 } };
  assert.match(lines.next(after) ?? "", /^0\/8 slots busy, 1,205 done, /);
  assert(lines.next(after), "it is idle now");
  assert.equal(lines.next(after), undefined);
  assert(lines.next({ ...after, jobs: { done: 1206, failed: 3 } }), "it was busy in the meantime");
});
