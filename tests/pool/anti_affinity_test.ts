/** Jobs that should not go just anywhere. */

import assert from "node:assert/strict";
import { AntiAffinity } from "../../pool/anti_affinity.ts";
import { newJob } from "../../pool/job.ts";
import type { ClientId, CoreKey, EndpointId, Job } from "../../pool/types.ts";
import { test } from "../lib/test.ts";

const CORE = "core" as CoreKey;
const [A, B, C] = [1, 2, 3] as [EndpointId, EndpointId, EndpointId];

function jobOf(
  payload: string,
  avoids: readonly EndpointId[],
  { isStrict = false, queuedAtMs = 0, core = CORE } = {},
): Job<string> {
  const job = newJob(1 as ClientId, core, 1, payload, queuedAtMs);
  return Object.assign(job, { avoids, isStrict });
}

/** Takes what an endpoint may have, until there is nothing more. */
function drain(
  detours: AntiAffinity<string>,
  endpoint: EndpointId,
  isOnly = false,
  nowMs = 0,
): string {
  let names = "";
  for (;;) {
    const job = detours.peekFor({ id: endpoint, core: CORE }, nowMs, isOnly);
    if (!job) return names;
    assert(detours.remove(job));
    names += job.payload;
  }
}

test("an endpoint gets the jobs that do not avoid it, in their order", () => {
  const detours = new AntiAffinity<string>();
  for (const name of ["a", "b", "c"]) detours.add(jobOf(name, [A]));
  detours.add(jobOf("d", [B]));
  assert.equal(detours.length, 4);
  assert.equal(drain(detours, A), "d");
  assert.equal(drain(detours, B), "abc");
  assert.equal(detours.length, 0);
  assert.equal(detours.first, undefined);
});

test("a job that avoids several endpoints goes to none of them", () => {
  const detours = new AntiAffinity<string>();
  detours.add(jobOf("a", [A, B]));
  detours.add(jobOf("b", [A]));
  assert.equal(drain(detours, A), "");
  assert.equal(detours.peekFor({ id: B, core: CORE }, 0, false)?.payload, "b");
  assert.equal(drain(detours, C), "ba");
});

test("the only endpoint gets what would rather avoid it, and not what must", () => {
  const detours = new AntiAffinity<string>();
  detours.add(jobOf("a", [A]));
  detours.add(jobOf("b", [A, B]));
  detours.add(jobOf("c", [A, C], { isStrict: true }));
  assert.equal(drain(detours, A), "");
  assert.equal(drain(detours, A, true), "ab");
  assert.equal(detours.length, 1);
  assert.equal(drain(detours, B, true), "c");
});

test("a job waits ten seconds for another endpoint, unless it must", () => {
  const detours = new AntiAffinity<string>();
  detours.add(jobOf("a", [A], { queuedAtMs: 5_000 }));
  detours.add(jobOf("b", [B], { queuedAtMs: 5_000, isStrict: true }));
  assert.equal(drain(detours, A, false, 14_999), "b");
  assert.equal(drain(detours, A, false, 15_000), "a");
  detours.add(jobOf("b", [B], { queuedAtMs: 5_000, isStrict: true }));
  assert.equal(drain(detours, B, false, 900_000), "");
  assert.equal(drain(detours, A, false, 15_000), "b");
});

test("jobs can be found and taken out wherever they stand", () => {
  const detours = new AntiAffinity<string>();
  const jobs = [jobOf("a", [A]), jobOf("b", [A]), jobOf("c", [B, C]), jobOf("d", [C])];
  for (const job of jobs) detours.add(job);
  assert.deepEqual([...detours].map(({ payload }) => payload), ["a", "b", "d", "c"]);
  assert(detours.remove(jobs[1] as Job<string>));
  assert(!detours.remove(jobs[1] as Job<string>), "once");
  assert(!detours.remove(jobOf("b", [A])), "only itself");
  assert.equal(detours.length, 3);
  assert(detours.remove(jobs[2] as Job<string>));
  assert.deepEqual([...detours].map(({ payload }) => payload), ["a", "d"]);
  assert(detours.remove(jobs[0] as Job<string>));
  assert.equal(detours.length, 1);
  assert.equal(detours.first, jobs[3]);
});

test("an endpoint gets no job for another core, and those behind it wait for nothing", () => {
  const detours = new AntiAffinity<string>();
  const other = "other" as CoreKey;
  detours.add(jobOf("a", [A], { core: other }));
  detours.add(jobOf("b", [C]));
  detours.add(jobOf("c", [A, C], { core: other }));
  detours.add(jobOf("d", [A, C]));
  assert.equal(drain(detours, B), "bd");
  assert.equal(detours.peekFor({ id: B, core: other }, 0, false)?.payload, "a");
  assert.equal(detours.length, 2);
});
