/**
 * Measures what a job costs a controller with few and with many workers, over real connections: workers of one process
 * that only echo.
 *
 *     deno task bench:connections [--jobs 300000] [--bytes 64] [--rounds 3]
 *
 * Prints one line of JSON for each number of connections: medians of CPU time of the controller per job, and of jobs
 * per second; `times`: the CPU time relative to the fewest connections.
 */

import { spawn } from "node:child_process";
import process from "node:process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Cluster } from "../controller/cluster/cluster.ts";
import { coreImage } from "../controller/workers/core_image.ts";
import { formatAddress } from "../link/address.ts";
import { detectRuntime } from "../runtime/detect.ts";
import { silentLog } from "../system/log.ts";
import { medianOf } from "./measurement.ts";
import { ROOT } from "./programs.ts";

const CONNECTIONS = [10, 100, 1_000];

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "300000" },
    bytes: { type: "string", default: "64" },
    rounds: { type: "string", default: "3" },
  },
});
const runtime = await detectRuntime();
const input = new Uint8Array(Number(values.bytes)).fill(42);
const measured = CONNECTIONS.map((connections) => ({
  connections,
  us: [] as number[],
  rates: [] as number[],
}));
for (let round = 0; round < Number(values.rounds); round++) {
  for (const { connections, us, rates } of measured) {
    const { usPerJob, jobsPerSecond } = await measure(connections, Number(values.jobs));
    us.push(usPerJob);
    rates.push(jobsPerSecond);
  }
}
const fewest = medianOf(measured[0]?.us ?? []);
for (const { connections, us, rates } of measured) {
  console.log(JSON.stringify({
    connections,
    cpu_us_per_job: Number(medianOf(us).toFixed(2)),
    jobs_per_s: Math.round(medianOf(rates)),
    times: Number((medianOf(us) / fewest).toFixed(2)),
  }));
}
process.exit(0);

/** The jobs of a first tenth are not counted: connections are made, and windows grow. */
async function measure(connections: number, jobs: number) {
  const warmUp = Math.ceil(jobs / 10);
  const warm = Promise.withResolvers<void>(), all = Promise.withResolvers<void>();
  let answered = 0;
  using cluster = new Cluster(runtime, coreImage("echo", new Uint8Array(8)), {
    onCompleted: ({ answer }) => {
      if (answer.kind === "error") all.reject(new Error(answer.message));
      answered += 1;
      if (answered === warmUp) warm.resolve();
      if (answered === warmUp + jobs) all.resolve();
    },
    onNoWorkerLeft: (reasons) => all.reject(new Error(reasons.join("; "))),
  }, silentLog);
  const address = cluster.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  const child = spawn(process.execPath, [
    "run",
    ...process.versions.bun ? [] : ["-A", "--quiet"],
    join(ROOT, "bench/programs/echo_workers.ts"),
    formatAddress(address),
    `${connections}`,
  ], { stdio: "inherit" });
  while (cluster.status.workers < connections) await new Promise((next) => setTimeout(next, 10));
  void feed(cluster, warmUp + jobs);
  await warm.promise;
  const [before, startedAtMs] = [process.cpuUsage(), performance.now()];
  await all.promise;
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - startedAtMs) / 1000;
  child.kill();
  return { usPerJob: (user + system) / jobs, jobsPerSecond: jobs / seconds };
}

async function feed(cluster: Cluster<{ index: number; input: typeof input }>, jobs: number) {
  for (let index = 0; index < jobs;) {
    await cluster.room();
    for (let more = 256; more > 0 && index < jobs; more--, index++) cluster.add({ index, input });
  }
  cluster.end();
}
