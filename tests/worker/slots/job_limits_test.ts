/** Which running jobs are over a limit. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import process from "node:process";
import type { DispatchId, EndpointId, Job } from "../../../pool/types.ts";
import type { RelayedJob } from "../../../worker/job.ts";
import { detectRuntime } from "../../../runtime/detect.ts";
import {
  CAN_MEASURE_MEMORY,
  findViolations,
  residentBytes,
  residentIn,
} from "../../../worker/slots/job_limits.ts";
import type { TimedJob } from "../../../worker/slots/running_times.ts";
import { test, testUnless } from "../../lib/test.ts";

const cannotTell = CAN_MEASURE_MEMORY ? undefined : "this system does not tell memory";

test("Linux says how much memory a process has", () => {
  assert.equal(CAN_MEASURE_MEMORY, process.platform === "linux");
});

test("a job exceeds its time limit when it has run for longer than that, not for just as long", () => {
  const heads = [head(1, { timeMs: 100, sinceMs: 1000 }), head(2, { timeMs: 100, sinceMs: 1001 })];
  assert.deepEqual(found(heads, 1100), []);
  assert.deepEqual(found(heads, 1101), [[1, "timeout", "timed out after 0.1s"]]);
  assert.deepEqual(found(heads, 5000).map(([endpoint]) => endpoint), [1, 2]);
});

test("a job without limits is never over a limit, and its process is not measured", () => {
  const nobody = () => assert.fail("a process was looked at");
  const heads = [head(1, { sinceMs: 0 }), head(2, { timeMs: 1e12, sinceMs: 0 })];
  assert.deepEqual(findViolations(heads, nobody, 1e9), []);
});

testUnless(
  cannotTell,
  "a job whose input is still being handed over can exceed its memory limit, but not its time limit",
  () => {
    const limits = { timeMs: 1, memoryBytes: 1, hasBegun: false };
    assert.deepEqual(found([head(1, limits)], 1e9).map(([, kind]) => kind), ["memory"]);
  },
);

testUnless(cannotTell, "a job exceeds its memory limit when its process has more", () => {
  const heads = [head(1, { memoryBytes: 2 ** 20 }), head(2, { memoryBytes: 2 ** 50 })];
  const [[endpoint, kind, reason] = []] = found(heads, 0);
  assert.equal(endpoint, 1);
  assert.equal(kind, "memory");
  assert.match(String(reason), /^used [\d.]+ [MG]iB of memory, over its limit of 1 MiB$/);
  assert.equal(found(heads, 0).length, 1);
});

test("a process may have just as much memory as the limit of its job, and not a byte more", () => {
  for (const [bytes, kinds] of [[1000, []], [1001, ["memory"]]] as const) {
    const heads = [head(1, { memoryBytes: 1000 })];
    assert.deepEqual(findViolations(heads, () => bytes, 0).map(({ kind }) => kind), kinds);
  }
});

testUnless(cannotTell, "a memory limit is named in the unit that it was given in", () => {
  for (
    const [memoryBytes, said] of [[1, "1 B"], [1536, "1.5 KiB"], [3 * 2 ** 20, "3 MiB"]] as const
  ) {
    const [[, , reason] = []] = found([head(1, { memoryBytes })], 0);
    assert(String(reason).includes(`over its limit of ${said}`), String(reason));
  }
});

test("a job whose process is gone or not known does not exceed its memory limit", () => {
  const heads = [head(1, { memoryBytes: 1 })];
  assert.deepEqual(findViolations(heads, () => undefined, 0), []);
  assert.equal(residentBytes(2 ** 30), undefined); // no system has such a process id
});

testUnless(
  cannotTell,
  "outputs in shared memory do not count, and all other memory does",
  async () => {
    const { createMemory } = await detectRuntime();
    const bytes = 64 * 2 ** 20;
    const memory = createMemory?.(bytes, "other");
    assert(memory);
    memory.view(0, bytes).fill(1);
    // Read once: files of tests that run side by side are threads of this process, and their memory comes and goes.
    const status = readFileSync("/proc/self/status", "utf8");
    const all = residentIn(status, 0) ?? 0;
    assert.equal(all - (residentIn(status, bytes) ?? 0), bytes);
    assert((residentIn(status, 2 ** 50) ?? 0) > 0, "however much the process claims to have");
    memory.close();
  },
);

/** The violations, if each job ran in this process. */
function found(heads: TimedJob<RelayedJob>[], nowMs: number): [number, string, string][] {
  return findViolations(heads, () => residentBytes(process.pid), nowMs)
    .map(({ endpoint, kind, reason }) => [endpoint, kind, reason]);
}

function head(
  endpoint: number,
  { timeMs = 0, memoryBytes = 0, sinceMs = 0, hasBegun = true },
): TimedJob<RelayedJob> {
  const job = { payload: { limits: { timeMs, memoryBytes } } } as Job<RelayedJob>;
  const runsSinceMs = hasBegun ? sinceMs : undefined;
  const dispatch = 1 as DispatchId;
  return { endpoint: endpoint as EndpointId, dispatch, job, hasBegun, runsSinceMs };
}
