/** What jobs took, as their slots have measured it. */

import assert from "node:assert/strict";
import { TimesMeter } from "../../controller/measured_times.ts";
import { test } from "../lib/test.ts";

test("jobs that are done and were measured count, with what is known of them", () => {
  const meter = new TimesMeter();
  meter.add({ state: "failed", runMs: 99_000, cpuMs: 99_000, memoryBytes: 9e9 });
  meter.add({ state: "done" }); // of a worker of version 1
  const times = () => meter.all;
  assert.equal(times(), undefined);
  for (let job = 1; job <= 100; job++) meter.add({ state: "done", runMs: job, cpuMs: 2 * job });
  meter.add({ state: "done", runMs: 1_000, memoryBytes: 50e6 });
  const all = times();
  assert.ok(all);
  const { jobs, medianMs, p95Ms, ...rest } = all;
  assert.equal(jobs, 101);
  assert(Math.abs(medianMs - 51) < 2 && Math.abs(p95Ms - 96) < 3, `${medianMs} ${p95Ms}`);
  assert.deepEqual(rest, { maxMs: 1_000, cpuPart: 2, memoryBytesMax: 50e6 });
});
