/**
 * Measures how long a request waits beside a batch: calls of `run`, one after the other, while a `map` of the same
 * session has more jobs than all slots can run. Both are of the same length.
 *
 *     deno task bench:session [--job-ms 20] [--slots 2] [--requests 500] [--remote] [--worker ./distcomp]
 *
 * `--remote`: with a worker that listens on this machine, instead of the session's own.
 *
 * Prints one line of JSON: milliseconds, and how many times as long as alone the slowest hundredth takes. A request that
 * finds all slots busy waits for at most one job of the batch, so that should be at most 2.
 */

import { availableParallelism } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { Session } from "../mod.ts";
import { Ground } from "./ground.ts";
import { sourceCommand, startWorker } from "./programs.ts";

/** Requests before those that count: they warm up the compilers, and the length of jobs becomes known. */
const WARM_UP = 20;

const { values } = parseArgs({
  options: {
    "job-ms": { type: "string", default: "20" },
    slots: { type: "string", default: String(availableParallelism()) },
    requests: { type: "string", default: "500" },
    remote: { type: "boolean", default: false },
    worker: { type: "string" },
  },
});
const [jobMs, slots, requests] = [values["job-ms"], values.slots, values.requests].map(Number) as [
  number,
  number,
  number,
];

using ground = new Ground();
const core = await ground.core("waits", "waits", [`-DMICROSECONDS=${1000 * jobMs}`]);
const program = values.worker ? [values.worker] : sourceCommand();
const worker = values.remote ? await startWorker(program, [`--slots=${slots}`]) : undefined;
const session = await Session.open(worker ? { core, workers: [worker.address] } : { core, slots });
try {
  await session.ready();
  await timesOf(WARM_UP);
  const alone = await timesOf(WARM_UP);
  const stop = new AbortController();
  const batch = runBatch(stop.signal);
  await timesOf(WARM_UP);
  const beside = await timesOf(requests);
  stop.abort();
  console.log(JSON.stringify({
    job_ms: jobMs,
    slots,
    requests,
    alone_p50_ms: rounded(percentile(alone, 50)),
    p50_ms: rounded(percentile(beside, 50)),
    p99_ms: rounded(percentile(beside, 99)),
    max_ms: rounded(percentile(beside, 100)),
    p99_times_alone: rounded(percentile(beside, 99) / percentile(alone, 50)),
    jobs_of_map: await batch,
  }));
} finally {
  await session.close();
  await worker?.stop();
}
process.exit(0);

/** Keeps all slots busy until the signal. Returns the number of jobs. */
async function runBatch(signal: AbortSignal): Promise<number> {
  let jobs = 0;
  try {
    for await (const _ of session.map(endless(), { signal })) jobs += 1;
  } catch {
    // It was stopped.
  }
  return jobs;
}

function* endless(): Generator<Uint8Array> {
  for (;;) yield new Uint8Array(8);
}

/** How long each of this many requests takes, in milliseconds. They come at any moment of a job of the batch. */
async function timesOf(count: number): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    await new Promise((resolve) => setTimeout(resolve, jobMs * Math.random()));
    const startedAtMs = performance.now();
    await session.run(new Uint8Array(8));
    times.push(performance.now() - startedAtMs);
  }
  return times;
}

/** The smallest time that so many percent do not exceed. */
function percentile(times: readonly number[], percent: number): number {
  const sorted = times.toSorted((one, other) => one - other);
  return sorted[Math.ceil(percent / 100 * sorted.length) - 1] ?? NaN;
}

function rounded(value: number): number {
  return Number(value.toFixed(2));
}
