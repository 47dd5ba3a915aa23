/** What is believed of what a worker says that its jobs have used. Times of the tests are in milliseconds. */

import assert from "node:assert/strict";
import { type JobMeasures, WorkerMeter } from "../../../controller/cluster/worker_meter.ts";
import { encodeUsage, type JobUsage } from "../../../protocol/mod.ts";
import { WallTime } from "../../../system/wall_time.ts";
import { test } from "../../lib/test.ts";

/** When the run's clock says 0. */
const SINCE_1970 = 1_700_000_000_000;

/** What the clock of the worker's machine is ahead. */
const AHEAD = 5_000_000;

test("a job's times are those of the run's clock, late by what the fastest answer took", () => {
  const meter = meterOf();
  assert.equal(measured(meter, { start: 100, run: 50, answered: 153 }).startedAt, 103);
  assert.equal(measured(meter, { start: 200, run: 50, answered: 251 }).startedAt, 201);
  const slow = measured(meter, { start: 300, run: 50, answered: 390 });
  assert.deepEqual([slow.startedAt, slow.runMs, slow.answeredAt], [301, 50, 390]);
});

test("the clocks of a run and a worker may drift: the difference of a minute ago counts no more", () => {
  const meter = meterOf();
  measured(meter, { start: 100, run: 1, answered: 101.5 });
  measured(meter, { start: 40_000, run: 1, answered: 40_005 });
  const late = measured(meter, { start: 80_000, run: 1, answered: 80_009 });
  assert.equal(late.startedAt, 80_004, "5 ms is what the fastest of the last minute took");
});

test("whatever a worker says, a job ran between its sending and its answer", () => {
  const lies: Partial<JobUsage>[] = [
    { startUs: 0, runUs: 1 },
    { startUs: 2 ** 60, runUs: 2 ** 60 },
    { runUs: 2 ** 60 },
    { cpuUs: 2 ** 63, memoryBytes: 2 ** 63 },
    { startUs: 2 ** 53, runUs: 1, slot: 2 ** 32 - 1 },
  ];
  for (const lie of lies) {
    const meter = meterOf();
    measured(meter, { start: 0, run: 1, answered: 2, lie });
    const { startedAt = NaN, runMs = NaN, cpuMs = 0, memoryBytes = 0, slot = 0 } = measured(meter, {
      start: 100,
      run: 50,
      answered: 160,
      lie,
    });
    const what = JSON.stringify({ lie, startedAt, runMs });
    assert(startedAt >= 90 && runMs > 0 && startedAt + runMs <= 160, what);
    assert(Number.isFinite(cpuMs) && memoryBytes < 2 ** 50 && slot < 8, what);
  }
});

test("a job's CPU time is at most what all CPUs of a machine have in the time that it can have run", () => {
  const most = 65_536 * 60;
  const cpuOf = (lie: Partial<JobUsage>) =>
    measured(meterOf(), { start: 100, run: 50, answered: 150, lie }).cpuMs;
  assert.equal(cpuOf({ runUs: 2 ** 60, cpuUs: 1000 * most }), most, "sent 60 ms before its answer");
  assert.equal(cpuOf({ runUs: 2 ** 60, cpuUs: 1000 * most + 1 }), undefined);
  assert.equal(cpuOf({ cpuUs: 200_000 }), 200);
});

test("an honest job beside one with a lie about its start is a little wrong, and only for a minute", () => {
  const meter = meterOf();
  measured(meter, { start: 0, run: 1, answered: 2, lie: { startUs: 2 ** 50 } });
  const beside = measured(meter, { start: 100, run: 50, answered: 160 });
  assert.equal(beside.startedAt, 90, "when it was sent");
  measured(meter, { start: 50_000, run: 1, answered: 50_002 });
  assert.equal(measured(meter, { start: 90_000, run: 1, answered: 90_003 }).startedAt, 90_001);
});

test("without a usage, and with one that knows nothing, only the run's own times are known", () => {
  const meter = meterOf();
  const job = { addedAtMs: 1, sentAtMs: 2 };
  const { queuedAt, answeredAt, startedAt, runMs, slot } = meter.measures({
    job,
    answer: {},
    answeredAtMs: 3,
  });
  const own = [queuedAt - SINCE_1970, answeredAt - SINCE_1970];
  assert.deepEqual([...own, startedAt, runMs, slot], [1, 3, undefined, undefined, undefined]);
  const unknown = measured(meter, { start: 0, run: 0, answered: 3 });
  assert.deepEqual([unknown.startedAt, unknown.cpuMs, unknown.slot], [undefined, undefined, 2]);
});

function meterOf(): WorkerMeter {
  const wallTime = new WallTime({ now: () => 0, date: () => SINCE_1970 });
  return new WorkerMeter(wallTime, { origin: "node7:7433", node: "node7", slots: 8 });
}

interface Answered {
  readonly start: number;
  readonly run: number;
  readonly answered: number;
  readonly lie?: Partial<JobUsage>;
}

/** What is believed of a job that was sent 10 ms before it started. Times since 1970 are without `SINCE_1970`. */
function measured(meter: WorkerMeter, { start, run, answered, lie }: Answered): JobMeasures {
  const times = { startUs: 1000 * (start + AHEAD), runUs: 1000 * run, cpuUs: 0 };
  const usage = encodeUsage({ ...times, memoryBytes: 4096, slot: 2, ...lie });
  const job = { addedAtMs: 0, sentAtMs: start - 10 };
  const measures = meter.measures({ job, answer: { usage }, answeredAtMs: answered });
  const { startedAt, answeredAt } = measures;
  return {
    ...measures,
    startedAt: startedAt === undefined ? undefined : startedAt - SINCE_1970,
    answeredAt: answeredAt - SINCE_1970,
  };
}
