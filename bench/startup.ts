/**
 * Measures the fixed costs of distcomp, as medians over 20 runs: the start of the program, a complete trivial run
 * with a local worker, the memory of an idle worker, and a change of cores. Also lists the parts of the executable.
 *
 *     ./compile.sh && deno task bench:startup --program ./distcomp
 *
 * Prints one line of JSON. Without --program it measures the program as run from source.
 */

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ControllerV1 } from "../tests/fixtures/peers/controller_v1.ts";
import { childrenOf, usageOf } from "./processes.ts";
import { partsOfExecutable } from "./size.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const RUNS = 20;

/** After this time a worker has finished starting and is idle. */
const IDLE_MS = 1_000;

const { values } = parseArgs({ options: { program: { type: "string" } } });
const program = values.program
  ? [values.program]
  : [process.execPath, "run", "-A", "--quiet", join(ROOT, "cli.ts")];
const folder = mkdtempSync(join(tmpdir(), "distcomp-bench-"));
try {
  console.log(JSON.stringify(await measure()));
} finally {
  rmSync(folder, { recursive: true });
}
process.exit(0);

async function measure() {
  const [first, second] = [buildCore("first"), buildCore("second")];
  const input = join(folder, "input");
  writeFileSync(input, "x");
  const run = ["run", first, input, "-o", join(folder, "outputs"), "--quiet"];
  return {
    program: program.join(" "),
    runs: RUNS,
    version_ms: median(() => timeOf(["--version"])),
    trivial_local_run_ms: median(() => timeOf(run)),
    idle_worker_2_slots_rss_mb: await idleMemory(),
    next_core_ms: await coreChange(first, second),
    ...(values.program ? sizeOf(values.program) : {}),
  };
}

function sizeOf(executable: string) {
  return { program_bytes: statSync(executable).size, consists_of_bytes: partsOfExecutable() };
}

function timeOf(args: readonly string[]): number {
  const [command, ...rest] = [...program, ...args] as [string, ...string[]];
  const startedAtMs = performance.now();
  execFileSync(command, rest, { stdio: "ignore" });
  return performance.now() - startedAtMs;
}

/** Resident memory of a worker and its two slots together. */
async function idleMemory(): Promise<number> {
  const sums: number[] = [];
  for (let index = 0; index < RUNS; index++) {
    await using worker = await startWorker(2);
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    const slots = childrenOf(worker.pid);
    if (slots.length !== 2) throw new Error(`The worker has ${slots.length} slots instead of 2`);
    sums.push([worker.pid, ...slots].reduce((sum, pid) => sum + usageOf(pid).rssMb, 0));
  }
  return medianOf(sums);
}

/** Time from sending a core to the answer of its first job, when the only slot holds another core. */
async function coreChange(first: string, second: string): Promise<number> {
  await using worker = await startWorker(1);
  await using controller = await ControllerV1.connect(worker.port);
  await controller.exchangeVersion(1);
  const times: number[] = [];
  for (let index = 0; index <= RUNS; index++) {
    const content = readFileSync(index % 2 === 0 ? first : second);
    const startedAtMs = performance.now();
    await controller.sendCore("core", content);
    await controller.sendJob(0n, new Uint8Array(1));
    if (index > 0) times.push(performance.now() - startedAtMs);
  }
  return medianOf(times);
}

async function startWorker(slots: number) {
  const args = [...program.slice(1), "worker", "--listen=127.0.0.1:0", `--slots=${slots}`];
  const child = spawn(program[0] as string, args, { stdio: ["ignore", "pipe", "ignore"] });
  const [line] = await once(createInterface(child.stdout), "line") as [string];
  return {
    pid: child.pid as number,
    port: Number(/:(\d+),/.exec(line)?.[1]),
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await once(child, "exit");
    },
  };
}

/** Builds a core that differs from the others only in its stamp. */
function buildCore(stamp: string): string {
  const core = join(folder, `${stamp}.so`);
  const source = join(ROOT, "tests/fixtures/cores/version_stamp.c");
  execFileSync("cc", ["-O2", "-fPIC", "-shared", `-DSTAMP="${stamp}"`, "-o", core, source]);
  return core;
}

function median(once: () => number): number {
  once(); // warms up caches
  return medianOf(Array.from({ length: RUNS }, once));
}

function medianOf(times: readonly number[]): number {
  const sorted = times.toSorted((one, other) => one - other);
  return Math.round(10 * (sorted[Math.floor(sorted.length / 2)] as number)) / 10;
}
