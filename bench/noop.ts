/**
 * Measures the overhead of distcomp: echo jobs of one size, over TCP, through the cluster of a real run.
 * Inputs are made in memory and outputs are dropped, so that no disk is measured.
 *
 *     deno task bench:noop --jobs 500000 --bytes 64 [--workers 1] [--slots 2] [--worker ./distcomp]
 *     bun run bench/noop.ts
 *
 * Prints one line of JSON: jobs_per_s, mb_per_s (inputs plus outputs, 10^6 bytes), cpu_us_per_job of all
 * processes together, and for each process its share of that and its rss_mb at the end.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { Cluster } from "../controller/cluster/cluster.ts";
import { coreImage } from "../controller/workers/core_image.ts";
import { PayloadMemory } from "../controller/workers/payload_memory.ts";
import { parseAddress } from "../link/address.ts";
import { detectRuntime } from "../runtime/detect.ts";
import { silentLog } from "../system/log.ts";
import { childrenOf, usageOf } from "./processes.ts";
import { buildEcho, sourceCommand, startWorker, type WorkerProcess } from "./programs.ts";

interface Settings {
  readonly jobs: number;
  readonly bytes: number;
  readonly workers: number;
  readonly slots: number;
  /** The program of the workers; this runtime, from source, if it is empty. */
  readonly worker: string;
}

const settings = readSettings();
const folder = mkdtempSync(join(tmpdir(), "distcomp-bench-"));
try {
  console.log(JSON.stringify(await measure(settings, await buildEcho(folder))));
} finally {
  rmSync(folder, { recursive: true });
}
process.exit(0);

function readSettings(): Settings {
  const { values } = parseArgs({
    options: {
      jobs: { type: "string", default: "200000" },
      bytes: { type: "string", default: "64" },
      workers: { type: "string", default: "1" },
      slots: { type: "string", default: String(availableParallelism()) },
      worker: { type: "string", default: "" },
    },
  });
  const { jobs, bytes, workers, slots, worker } = values;
  return {
    jobs: Number(jobs),
    bytes: Number(bytes),
    workers: Number(workers),
    slots: Number(slots),
    worker,
  };
}

async function measure(settings: Settings, core: string) {
  const program = settings.worker === "" ? sourceCommand() : [settings.worker];
  const workers = await Promise.all(
    Array.from(
      { length: settings.workers },
      () => startWorker(program, [`--slots=${settings.slots}`]),
    ),
  );
  try {
    await runJobs(settings.slots * 100, settings.bytes, workers, core); // warms up caches and compilers
    const before = usages(workers);
    const seconds = await runJobs(settings.jobs, settings.bytes, workers, core);
    return result(settings, seconds, before, usages(workers));
  } finally {
    for (const worker of workers) await worker.stop();
  }
}

/** Runs all jobs. Returns the seconds from dialing the workers to the last answer. */
async function runJobs(
  jobs: number,
  bytes: number,
  workers: readonly WorkerProcess[],
  core: string,
): Promise<number> {
  const all = Promise.withResolvers<void>();
  let answered = 0;
  const image = coreImage("echo", readFileSync(core));
  const log = { ...silentLog, warn: (text: string) => console.error(text) };
  const memory = new PayloadMemory();
  using cluster = new Cluster(
    await detectRuntime(),
    image,
    {
      onCompleted: ({ answer }) => {
        if (answer.kind === "error") all.reject(new Error(answer.message));
        else memory.give(answer.result.output);
        answered += 1;
        if (answered === jobs) all.resolve();
      },
      onNoWorkerLeft: (reasons) => all.reject(new Error(reasons.join("; "))),
    },
    log,
    { memory },
  );
  for (const { address } of workers) cluster.dial(parseAddress(address));
  const startedAtMs = performance.now();
  const input = new Uint8Array(bytes).fill(42);
  for (let index = 0; index < jobs;) {
    await cluster.room();
    for (let more = 256; more > 0 && index < jobs; more--, index++) cluster.add({ index, input });
  }
  cluster.end();
  await all.promise;
  return (performance.now() - startedAtMs) / 1000;
}

function usages(workers: readonly WorkerProcess[]) {
  const pids = [
    { name: "controller", pid: process.pid },
    ...workers.flatMap(({ pid }, index) => [
      { name: `worker ${index + 1}`, pid },
      ...childrenOf(pid).map((slot) => ({ name: `slot of worker ${index + 1}`, pid: slot })),
    ]),
  ];
  return pids.map(({ name, pid }) => ({ name, pid, ...usageOf(pid) }));
}

type Usages = ReturnType<typeof usages>;

function result(settings: Settings, seconds: number, before: Usages, after: Usages) {
  const perJob = (ms: number) => Math.round((1e5 * ms) / settings.jobs) / 100;
  const processes = after.map(({ name, pid, cpuMs, rssMb }) => {
    // For a slot that started after the warm-up, all of its time counts.
    const usedBefore = before.find((other) => other.pid === pid)?.cpuMs ?? 0;
    return { name, cpu_us_per_job: perJob(cpuMs - usedBefore), rss_mb: rssMb };
  });
  return {
    ...settings,
    seconds: Number(seconds.toFixed(3)),
    jobs_per_s: Math.round(settings.jobs / seconds),
    mb_per_s: Math.round((2 * settings.jobs * settings.bytes) / seconds / 1e6),
    cpu_us_per_job: Number(processes.reduce((sum, one) => sum + one.cpu_us_per_job, 0).toFixed(2)),
    processes,
  };
}
