/**
 * Measures what a job costs a controller with few and with many workers, over real connections: workers of one process
 * that only echo.
 *
 *     deno task bench:connections [--connections 10,100,1000] [--jobs 1000000] [--bytes 64] [--rounds 3]
 *
 * Prints one line of JSON for each number of connections: medians of CPU time of the controller per job, of jobs per
 * second, and of the most memory that it had; `times`: the CPU time relative to the first number. Each measurement is
 * made by a process of its own.
 */

import { execFile, spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { parseArgs, promisify } from "node:util";
import { Cluster } from "../controller/cluster/cluster.ts";
import { coreImage } from "../controller/workers/core_image.ts";
import { formatAddress } from "../link/address.ts";
import { detectRuntime } from "../runtime/detect.ts";
import { silentLog } from "../system/log.ts";
import { medianOf } from "./measurement.ts";
import { ROOT } from "./programs.ts";

/** Before so many jobs of each connection, windows grow, and memory is taken for the first time. */
const WARM_UP_JOBS = 100;

/** How a program of ours is started. */
const RUN = ["run", ...process.versions.bun ? [] : ["-A", "--quiet"]];

/** What is measured once. */
interface Measured {
  readonly usPerJob: number;
  readonly jobsPerSecond: number;
  readonly memoryMb: number;
}

const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "10,100,1000" },
    jobs: { type: "string", default: "1000000" },
    bytes: { type: "string", default: "64" },
    rounds: { type: "string", default: "3" },
    once: { type: "boolean", default: false },
  },
});
const runtime = await detectRuntime();
const input = new Uint8Array(Number(values.bytes)).fill(42);
const numbers = values.connections.split(",").map(Number);
if (values.once) console.log(JSON.stringify(await measure(numbers[0] ?? 1, Number(values.jobs))));
else await compare();
process.exit(0);

async function compare(): Promise<void> {
  const measured = numbers.map((connections) => ({ connections, all: [] as Measured[] }));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { connections, all } of measured) all.push(await measureOnce(connections));
  }
  let fewest: number | undefined;
  for (const { connections, all } of measured) {
    const us = medianOf(all.map(({ usPerJob }) => usPerJob));
    fewest ??= us;
    console.log(JSON.stringify({
      connections,
      cpu_us_per_job: Number(us.toFixed(2)),
      jobs_per_s: Math.round(medianOf(all.map(({ jobsPerSecond }) => jobsPerSecond))),
      memory_mb: Math.round(medianOf(all.map(({ memoryMb }) => memoryMb))),
      times: Number((us / fewest).toFixed(2)),
    }));
  }
}

async function measureOnce(connections: number): Promise<Measured> {
  const { jobs, bytes } = values;
  const own = ["--once", "--connections", `${connections}`, "--jobs", jobs, "--bytes", bytes];
  const command = [...RUN, join(ROOT, "bench/connections.ts"), ...own];
  const { stdout } = await promisify(execFile)(process.execPath, command);
  return JSON.parse(stdout);
}

async function measure(connections: number, jobs: number): Promise<Measured> {
  const warmUp = WARM_UP_JOBS * connections;
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
  }, { ...silentLog, warn: console.error });
  const address = cluster.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  const program = join(ROOT, "bench/programs/echo_workers.ts");
  const command = [...RUN, program, formatAddress(address), `${connections}`];
  const child = spawn(process.execPath, command, { stdio: ["ignore", "inherit", "inherit"] });
  child.once("exit", () => all.reject(new Error("the workers have ended")));
  await Promise.race([joined(cluster, connections), all.promise]);
  void feed(cluster, warmUp + jobs);
  await Promise.race([warm.promise, all.promise]);
  const [before, startedAtMs] = [process.cpuUsage(), performance.now()];
  await all.promise;
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - startedAtMs) / 1000;
  child.kill();
  const memoryMb = process.resourceUsage().maxRSS / 1024;
  return { usPerJob: (user + system) / jobs, jobsPerSecond: jobs / seconds, memoryMb };
}

/** Resolves when there are so many workers. */
async function joined(
  cluster: { readonly status: { readonly workers: number } },
  workers: number,
): Promise<void> {
  while (cluster.status.workers < workers) await new Promise((next) => setTimeout(next, 10));
}

async function feed(cluster: Cluster<{ index: number; input: typeof input }>, jobs: number) {
  for (let index = 0; index < jobs;) {
    await cluster.room();
    for (let more = 256; more > 0 && index < jobs; more--, index++) cluster.add({ index, input });
  }
  cluster.end();
}
