/** What a slot measures of its jobs, with a process whose clocks the test moves. */

import assert from "node:assert/strict";
import { JobMeter } from "../../slot/job_meter.ts";
import { test } from "../lib/test.ts";

test("a job has its start, its time, the CPU time of all threads and the peak of its memory", () => {
  const process = new FakeProcess();
  const meter = new JobMeter(process, 3);
  process.pass(1000, 7000); // before its first job
  process.peakBytes = 4096;
  measured(meter, process, 2000, 5000);
  const used = { startUs: 1000, runUs: 2000, cpuUs: 5000, memoryBytes: 4096, slot: 3 };
  assert.deepEqual(meter.usage, used);
});

test("a job that waits uses its time and hardly any CPU time", () => {
  const process = new FakeProcess();
  const meter = new JobMeter(process, 0);
  measured(meter, process, 1_000_000, 50);
  assert.deepEqual([meter.usage.runUs, meter.usage.cpuUs], [1_000_000, 50]);
});

test("short jobs share the readings of CPU time and memory, and a long one has none of theirs", () => {
  const process = new FakeProcess();
  const meter = new JobMeter(process, 0);
  measured(meter, process, 200, 200);
  const before = process.readings;
  for (let job = 0; job < 9; job++) {
    measured(meter, process, 10, 10);
    assert.equal(meter.usage.cpuUs, 10);
  }
  assert.equal(process.readings, before);
  measured(meter, process, 3000, 2500);
  assert.equal(meter.usage.cpuUs, 2500);
  assert.equal(process.readings, before + 1);
});

test("the time between two jobs counts for neither", () => {
  const process = new FakeProcess();
  const meter = new JobMeter(process, 0);
  measured(meter, process, 500, 400);
  process.pass(10_000, 9000);
  measured(meter, process, 500, 450);
  const { startUs, runUs, cpuUs } = meter.usage;
  assert.deepEqual({ startUs, runUs, cpuUs }, { startUs: 10_500, runUs: 500, cpuUs: 450 });
});

test("memory that a core took while it was loaded, and has given back, is not that of its first job", () => {
  const process = new FakeProcess();
  const meter = new JobMeter(process, 0);
  process.peakBytes = 2 ** 30;
  meter.onLoaded();
  process.peakBytes = 2 ** 20;
  measured(meter, process, 10_000, 10_000);
  assert.equal(meter.usage.memoryBytes, 2 ** 20);
});

/** Runs a job that takes so long, and so much CPU time. */
function measured(meter: JobMeter, process: FakeProcess, us: number, cpuUs: number): void {
  meter.onStart();
  process.pass(us, cpuUs);
  meter.onEnd();
}

/** A process whose clocks stand still but for `pass`. */
class FakeProcess {
  #nowUs = 0;
  #cpuUs = 0;
  /** The peak of its memory since that was asked for. */
  peakBytes = 0;
  /** How often the CPU time was read. */
  readings = 0;

  pass(us: number, cpuUs: number): void {
    this.#nowUs += us;
    this.#cpuUs += cpuUs;
  }

  nowUs(): number {
    return this.#nowUs;
  }

  cpuUs(): number {
    this.readings += 1;
    return this.#cpuUs;
  }

  takePeakBytes(): number {
    const peak = this.peakBytes;
    this.peakBytes = 0;
    return peak;
  }
}
