/**
 * Measures what scheduling costs per job with few and with many workers: a pool with simulated workers in virtual time,
 * which answer jobs in the order in which they got them, without a network or processes.
 *
 *     deno task bench:endpoints [--endpoints 10,100,1000,10000] [--slots 4] [--jobs 1000000] [--batch 64]
 *
 * `--batch` jobs are answered between two passes of the scheduler. Prints one line of JSON for each number of workers:
 * us_per_job; times, that figure relative to the first number; in_flight: jobs sent and not answered; memory_mb: what
 * the process has; job_s_min: with jobs that take less time, the scheduler cannot keep all slots busy.
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { Pool } from "../pool/pool.ts";
import type { CoreKey, DispatchId, EndpointId } from "../pool/types.ts";

const JOB_BYTES = 64;
const CORE = "core" as CoreKey;

/** Enough time between two passes that no window is deep: then each answer is a reason to send a job. */
const PASS_MS = 1;

const { numbers, slots, jobs, batch } = readSettings();
let fewest: number | undefined;
for (const endpoints of numbers) {
  measure(endpoints, 100_000); // warms up the compiler
  const { usPerJob, inFlight, memoryMb } = measure(endpoints, jobs);
  fewest ??= usPerJob;
  console.log(JSON.stringify({
    endpoints,
    slots: endpoints * slots,
    batch,
    us_per_job: Number(usPerJob.toFixed(3)),
    times: Number((usPerJob / fewest).toFixed(2)),
    in_flight: inFlight,
    memory_mb: Math.round(memoryMb),
    job_s_min: Number((usPerJob * endpoints * slots / 1e6).toPrecision(2)),
  }));
}

function readSettings() {
  const { values } = parseArgs({
    options: {
      endpoints: { type: "string", default: "10,100,1000,10000" },
      slots: { type: "string", default: "4" },
      jobs: { type: "string", default: "1000000" },
      batch: { type: "string", default: "64" },
    },
  });
  const numbers = values.endpoints.split(",").map(Number);
  const [slots, jobs, batch] = [values.slots, values.jobs, values.batch].map(Number);
  return { numbers, slots: slots ?? 1, jobs: jobs ?? 1, batch: batch ?? 1 };
}

/** Microseconds of this process per job. The jobs that are in flight at the end do not count. */
function measure(
  endpoints: number,
  jobs: number,
): { usPerJob: number; inFlight: number; memoryMb: number } {
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
  for (let count = 0; count < endpoints; count++) pool.onEndpointUp(slots);
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
  const { inFlight } = pool.counts();
  return {
    usPerJob: (user + system) / jobs,
    inFlight,
    memoryMb: process.memoryUsage().rss / 1024 ** 2,
  };
}
