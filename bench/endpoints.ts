/**
 * Measures what scheduling costs per job with few and with many workers: a pool with simulated endpoints that answer at
 * once, without a network or processes.
 *
 *     deno task bench:endpoints [--jobs 1000000] [--batch 64]
 *
 * `--batch` jobs are answered between two passes of the scheduler. Prints one line of JSON for each number of endpoints:
 * us_per_job, and times, that figure relative to the fewest endpoints.
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { Pool } from "../pool/pool.ts";
import type { CoreKey, DispatchId, EndpointId } from "../pool/types.ts";

const ENDPOINTS = [10, 100, 1_000, 10_000];
const SLOTS = 4;
const JOB_BYTES = 64;
const CORE = "core" as CoreKey;

/** Enough time between two passes that no window is deep: then each answer is a reason to send a job. */
const PASS_MS = 1;

const { jobs, batch } = readSettings();
let fewest: number | undefined;
for (const endpoints of ENDPOINTS) {
  measure(endpoints, 100_000); // warms up the compiler
  const usPerJob = measure(endpoints, jobs);
  fewest ??= usPerJob;
  console.log(JSON.stringify({
    endpoints,
    batch,
    us_per_job: Number(usPerJob.toFixed(3)),
    times: Number((usPerJob / fewest).toFixed(2)),
  }));
}

function readSettings(): { jobs: number; batch: number } {
  const { values } = parseArgs({
    options: {
      jobs: { type: "string", default: "1000000" },
      batch: { type: "string", default: "64" },
    },
  });
  return { jobs: Number(values.jobs), batch: Number(values.batch) };
}

/** Microseconds of this process per job. The jobs that are in flight at the end do not count. */
function measure(endpoints: number, jobs: number): number {
  const sent: { endpoint: EndpointId; dispatch: DispatchId }[] = [];
  const pool = new Pool<number>({
    load: (endpoint) => loading.push(endpoint),
    send: (endpoint, dispatch) => void sent.push({ endpoint, dispatch }),
    crashed: () => {},
    dropped: () => {},
    coreUnavailable: () => {},
  }, { onLost: "retry", isLocal: false, endpointBytesMax: 64 * 1024 * 1024 });
  const loading: EndpointId[] = [];
  const client = pool.onClientUp();
  let nowMs = 0;
  for (let count = 0; count < endpoints; count++) pool.onEndpointUp(SLOTS);
  const feed = () => {
    const wanted = Math.max(64, pool.capacity());
    for (let { queued } = pool.queueOf(client); queued < wanted; queued++) {
      pool.onJob(client, CORE, JOB_BYTES, queued, nowMs);
    }
  };
  for (let count = 0; count < 3; count++) {
    feed();
    pool.schedule(nowMs);
    for (const endpoint of loading.splice(0)) pool.onLoaded(endpoint, nowMs);
  }
  const before = process.cpuUsage();
  for (let answered = 0, at = 0; answered < jobs;) {
    nowMs += PASS_MS;
    for (let count = 0; count < batch && at < sent.length; count++, at++, answered++) {
      const { endpoint, dispatch } = sent[at] as { endpoint: EndpointId; dispatch: DispatchId };
      pool.onAnswer(endpoint, dispatch, nowMs);
    }
    if (at > 100_000) {
      sent.splice(0, at);
      at = 0;
    }
    feed();
    pool.schedule(nowMs);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / jobs;
}
