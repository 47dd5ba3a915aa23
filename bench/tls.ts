/**
 * Measures what TLS costs: echo jobs through the cluster of a real run, to one worker on this machine, in turn plain and
 * with the key. Inputs are made in memory and outputs are dropped.
 *
 *     deno task bench:tls [--worker ./distcomp] [--seconds 5] [--rounds 5] [--slots 2]
 *
 * The run is in this process; `--worker` is the program of the worker, this runtime unless given. Prints the medians of
 * all rounds, and TLS as a part of plain.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { Cluster } from "../controller/cluster/cluster.ts";
import { type CoreImage, coreImage } from "../controller/workers/core_image.ts";
import { parseAddress } from "../link/address.ts";
import { detectRuntime } from "../runtime/detect.ts";
import type { Runtime } from "../runtime/ports.ts";
import { guardedRuntime } from "../security/guarded_runtime.ts";
import { makeKey } from "../security/key_maker.ts";
import { createKeyFile } from "../security/key_store.ts";
import { silentLog } from "../system/log.ts";
import { usageOf } from "./processes.ts";
import { buildEcho, sourceCommand, startWorker, type WorkerProcess } from "./programs.ts";

/** The sizes of jobs, and the least that TLS should reach, as a part of plain. */
const SIZES = [
  { name: "64 B", bytes: 64, goal: { executable: 0.7, deno: 0.7 } },
  { name: "1 MiB", bytes: 1024 * 1024, goal: { executable: 0.4, deno: 0.2 } },
] as const;

/** How many jobs run before any is counted: then connections, slots and compilers are warm. */
const WARM_JOBS = 200;

type Way = "plain" | "TLS";

const { values } = parseArgs({
  options: {
    worker: { type: "string", default: "" },
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "5" },
    slots: { type: "string", default: String(availableParallelism()) },
  },
});
const folder = mkdtempSync(join(tmpdir(), "distcomp-bench-"));
try {
  await compare(folder);
} finally {
  rmSync(folder, { recursive: true });
}
process.exit(0);

async function compare(folder: string): Promise<void> {
  const runtime = await detectRuntime();
  const key = join(folder, "key");
  await createKeyFile(key, await makeKey(runtime), runtime.random);
  const core = coreImage("echo", readFileSync(await buildEcho(folder)));
  const ports: Record<Way, Runtime> = {
    plain: guardedRuntime(runtime, { role: "controller", log: silentLog }),
    TLS: guardedRuntime(runtime, { role: "controller", key, log: silentLog }),
  };
  const worker = await startWorker(
    values.worker ? [values.worker] : sourceCommand(),
    [`--slots=${values.slots}`, `--key=${key}`],
  );
  try {
    for (const { name, bytes, goal } of SIZES) {
      const rates: Record<Way, number[]> = { plain: [], TLS: [] };
      const cpu: Record<Way, number[]> = { plain: [], TLS: [] };
      for (let round = 0; round < Number(values.rounds); round++) {
        for (const way of ["plain", "TLS"] as const) {
          const measured = await measure(ports[way], core, worker, bytes);
          rates[way].push(measured.perSecond);
          cpu[way].push(measured.cpuUs);
        }
      }
      const [plain, tls] = [median(rates.plain), median(rates.TLS)];
      console.log(
        `${name}: plain ${Math.round(plain)} jobs/s, TLS ${Math.round(tls)} jobs/s, ` +
          `ratio ${(tls / plain).toFixed(2)} ` +
          `(goals: executable ${goal.executable}, Deno ${goal.deno}); CPU of run and worker ` +
          `${Math.round(median(cpu.plain))} and ${Math.round(median(cpu.TLS))} µs per job`,
      );
    }
  } finally {
    await worker.stop();
  }
}

/** Jobs per second over some seconds, and what they cost. */
async function measure(
  runtime: Runtime,
  core: CoreImage,
  { address, pid }: WorkerProcess,
  bytes: number,
): Promise<{ perSecond: number; cpuUs: number }> {
  const input = new Uint8Array(bytes).fill(42);
  const failed = Promise.withResolvers<never>();
  let answered = 0;
  using cluster = new Cluster(runtime, core, {
    onCompleted: ({ answer }) => {
      if (answer.kind === "error") failed.reject(new Error(answer.message));
      answered += 1;
    },
    onNoWorkerLeft: (reasons) => failed.reject(new Error(reasons.join("; "))),
  }, silentLog);
  cluster.dial(parseAddress(address));
  let index = 0;
  const run = async (until: () => boolean) => {
    while (!until()) {
      await Promise.race([cluster.room(), failed.promise]);
      for (let more = 64; more > 0; more--) cluster.add({ index: index++, input });
    }
  };
  await run(() => answered >= WARM_JOBS);
  const cpuMs = () => usageOf(process.pid).cpuMs + usageOf(pid).cpuMs;
  const [from, fromMs, fromCpuMs] = [answered, performance.now(), cpuMs()];
  await run(() => performance.now() - fromMs >= 1000 * Number(values.seconds));
  const jobs = answered - from;
  return {
    perSecond: (1000 * jobs) / (performance.now() - fromMs),
    cpuUs: (1000 * (cpuMs() - fromCpuMs)) / jobs,
  };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? 0;
}
