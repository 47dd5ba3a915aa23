/** Which workers a job that was lost avoids. */

import assert from "node:assert/strict";
import { LostJobs } from "../../../controller/cluster/lost_jobs.ts";
import type { AntiAffinity } from "../../../pool/job.ts";
import type { ClientId, CoreKey, EndpointId } from "../../../pool/ids.ts";
import { type Job, newJob } from "../../../pool/job.ts";
import type { Pool } from "../../../pool/pool.ts";
import { test } from "../../lib/test.ts";

const HERE = {};
const THERE = {};
const ENDPOINTS = [1, 2, 3] as EndpointId[];
const [FIRST, SECOND] = ENDPOINTS as [EndpointId, EndpointId];

test("a job that has hung a worker avoids all without limits that come, also after it was lost again", () => {
  const { lost, job, avoided } = lostJobs();
  lost.onLost(job, HERE);
  lost.onHung(job, [FIRST], 10);
  lost.onLost(job, THERE);
  lost.onWorkerWith(HERE, SECOND, () => [FIRST, SECOND], 20);
  assert.deepEqual(avoided.at(-1)?.endpoints, [FIRST, SECOND]);
});

test("workers without limits that come again and again do not make such a job wait longer", () => {
  const { lost, job, avoided } = lostJobs();
  lost.onLost(job, HERE);
  lost.onHung(job, [FIRST], 10);
  lost.onWorkerWith(HERE, SECOND, () => [FIRST, SECOND], 5_000);
  assert.equal(avoided.at(-1)?.queuedAtMs, 10);
  lost.onWorkerWith(HERE, SECOND, undefined, 6_000);
  assert.equal(avoided.at(-1)?.queuedAtMs, 6_000, "one with limits, where it was lost");
});

test("a job that has hung a worker may run on all with limits elsewhere", () => {
  const { lost, job, avoided } = lostJobs();
  lost.onLost(job, HERE);
  lost.onHung(job, [FIRST], 10);
  lost.onWorkerWith(THERE, SECOND, undefined, 20);
  assert.equal(avoided.length, 1);
});

/** Jobs in a pool that notes what they avoid, and from when on they are queued. */
function lostJobs() {
  const avoided: { readonly endpoints: readonly EndpointId[]; readonly queuedAtMs: number }[] = [];
  const pool = {
    isWanted: () => true,
    onAntiAffinity: (job: Job<number>, { endpoints }: AntiAffinity, queuedAtMs: number) => {
      Object.assign(job, { queuedAtMs });
      avoided.push({ endpoints, queuedAtMs });
    },
  };
  const job = newJob(1 as ClientId, "core" as CoreKey, 1, 1, 0);
  return { lost: new LostJobs(pool as unknown as Pool<number>), job, avoided };
}
