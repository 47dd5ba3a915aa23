/**
 * Measures what a viewer costs a run: CPU time of a controller with 100 workers and 10,000 jobs a second, in turn with and
 * without somebody who asks for a snapshot each second, as `distcomp top` and the page do.
 *
 *     deno task bench:watching [--workers 100] [--rate 10000] [--rounds 9] [--seconds 4]
 *
 * Prints a line of JSON: medians of the CPU time of the controller in milliseconds per second, and how many percent more
 * it is with a viewer.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { Cluster } from "../controller/cluster/cluster.ts";
import type { RunStatus, RunView } from "../controller/run.ts";
import { JobCounter } from "../controller/job_counter.ts";
import { coreImage } from "../controller/workers/core_image.ts";
import { formatAddress } from "../link/address.ts";
import { detectRuntime } from "../runtime/detect.ts";
import { silentLog } from "../system/log.ts";
import { LiveSocket } from "../watch/live_socket.ts";
import { LogLines } from "../watch/log_lines.ts";
import { RunWatch } from "../watch/run_watch.ts";
import { medianOf } from "./measurement.ts";
import { ROOT } from "./programs.ts";

/** Jobs are added this often. */
const STEP_MS = 10;

const { values } = parseArgs({
  options: {
    workers: { type: "string", default: "100" },
    rate: { type: "string", default: "10000" },
    rounds: { type: "string", default: "9" },
    seconds: { type: "string", default: "4" },
  },
});
const workers = Number(values.workers);
const runtime = await detectRuntime();
const startedAtMs = runtime.clock.now();
const counter = new JobCounter(0);
const cluster = new Cluster<RunView["oldest"][number]["task"]>(
  runtime,
  coreImage("echo", new Uint8Array(8)),
  {
    onCompleted: ({ answer }) =>
      answer.kind === "error" ? counter.onFailed("", "") : counter.onDone(),
    onNoWorkerLeft: (reasons) => console.error(reasons),
  },
  silentLog,
);
const address = cluster.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
const echoing = start("echo_workers.ts", formatAddress(address), `${workers}`);
while (cluster.status.workers < workers) await pause(10);
feed(Number(values.rate));

const folder = await mkdtemp(join(tmpdir(), "dc-bench-"));
const facts = {
  ...{ software: "", runtime: runtime.name, host: "", pid: process.pid, output: folder },
  core: { name: "echo", sha256: "" },
};
const watch = new RunWatch(
  {
    get status() {
      return status();
    },
    view,
  },
  facts,
  runtime.clock,
  new LogLines(runtime.clock),
);
const socket = LiveSocket.open(
  runtime,
  () => watch.snapshot(),
  { XDG_RUNTIME_DIR: folder },
  silentLog,
);
const viewer = start("looks.ts", socket.path);
await pause(5_000); // windows grow, and the viewer starts
const measured = { without: [] as number[], with: [] as number[] };
for (let round = 0; round < Number(values.rounds); round++) {
  for (const kind of ["without", "with"] as const) {
    viewer.kill(kind === "with" ? "SIGCONT" : "SIGSTOP");
    await pause(500);
    measured[kind].push(await cpuMsPerSecond(1000 * Number(values.seconds)));
  }
}
const [without, looked] = [medianOf(measured.without), medianOf(measured.with)];
console.log(JSON.stringify({
  workers,
  jobs_per_s: Number(values.rate),
  done: counter.counts.done,
  snapshot_bytes: JSON.stringify(watch.snapshot()).length,
  cpu_ms_per_s_without: Number(without.toFixed(1)),
  cpu_ms_per_s_with: Number(looked.toFixed(1)),
  percent_more: Number((100 * (looked / without - 1)).toFixed(1)),
}));
socket.close();
viewer.kill("SIGKILL");
echoing.kill();
await rm(folder, { recursive: true });
process.exit(0);

function start(program: string, ...args: string[]): ChildProcess {
  const flags = process.versions.bun ? [] : ["-A", "--quiet"];
  const path = join(ROOT, "bench/programs", program);
  return spawn(process.execPath, ["run", ...flags, path, ...args], { stdio: "inherit" });
}

/** Adds jobs at a steady rate. */
function feed(perSecond: number): void {
  const input = new Uint8Array(64).fill(42);
  let index = 0;
  const beganAtMs = performance.now();
  setInterval(() => {
    const due = (performance.now() - beganAtMs) / 1000 * perSecond;
    for (; index < due && cluster.hasRoom; index++) {
      cluster.add({ kind: "ready", index, name: `in/part-${index}.bin`, identity: "", input });
    }
  }, STEP_MS);
}

function status(): RunStatus {
  const elapsedMs = runtime.clock.now() - startedAtMs;
  const { status, busyPart } = cluster;
  return { phase: "running", ...status, ...counter.counts, elapsedMs, busyPart };
}

function view(limits: Parameters<typeof cluster.view>[0]): RunView {
  const now = { status: status(), isReading: true, waitsForOutputs: false };
  return { ...now, ...cluster.view(limits) };
}

async function cpuMsPerSecond(ms: number): Promise<number> {
  const [before, fromMs] = [process.cpuUsage(), performance.now()];
  await pause(ms);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (performance.now() - fromMs);
}

function pause(ms: number): Promise<void> {
  return new Promise((next) => setTimeout(next, ms));
}
