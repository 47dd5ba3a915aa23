/**
 * Measures what files cost: small input files to as many output files, beside `cp -r` of the same tree, in turn; and
 * how long a run takes that has nothing left to do.
 *
 *     deno task bench:files --files 100000 --bytes 6 --rounds 3 [--in /dev/shm] [--resume]
 *
 * Prints one line of JSON: for each way the median of its seconds and of its CPU seconds, and their ratio to `cp`.
 * With `--resume`, each round also resumes the finished run, with its peak of memory. `idle` is a run of a single
 * job: what starting and ending cost. With `--first`, it measures only how long the first record of a run takes, from
 * the start of the program, and ends the run then: `--files 1000000 --first`.
 */

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { delay, systemClock } from "../runtime/clock.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What one command has taken. */
interface Cost {
  readonly seconds: number;
  /** Of the command and of all that it has started and waited for. */
  readonly cpuSeconds: number;
  readonly peakMb: number;
}

const { values } = parseArgs({
  options: {
    files: { type: "string", default: "100000" },
    bytes: { type: "string", default: "6" },
    rounds: { type: "string", default: "3" },
    in: { type: "string", default: tmpdir() },
    resume: { type: "boolean", default: false },
    first: { type: "boolean", default: false },
  },
});
const folder = mkdtempSync(join(values.in, "distcomp-bench-"));
try {
  console.log(JSON.stringify(await measure()));
} finally {
  rmSync(folder, { recursive: true });
}

async function measure() {
  const core = buildEcho();
  makeInputs(Number(values.files), Number(values.bytes));
  if (values.first) return await measureFirst(core);
  const runs: Record<string, Cost[]> = { cp: [], run: [], resume: [], idle: [] };
  for (let round = 0; round < Number(values.rounds); round++) {
    runs["cp"]?.push(await costOf(["cp", "-r", "in", "copied"]));
    runs["run"]?.push(await costOf(distcomp(core, "in", "out")));
    if (values.resume) runs["resume"]?.push(await costOf(distcomp(core, "in", "out")));
    runs["idle"]?.push(await costOf(distcomp(core, "in/0000000", "single")));
    for (const name of ["copied", "out", "single"]) rmSync(join(folder, name), { recursive: true });
  }
  const medians = Object.entries(runs).filter(([, costs]) => costs.length > 0)
    .map(([name, costs]) => [name, medianOf(costs)] as const);
  const cp = medians.find(([name]) => name === "cp")?.[1] as Cost;
  return {
    files: Number(values.files),
    bytes: Number(values.bytes),
    ...Object.fromEntries(medians.map(([name, cost]) => [name, {
      ...cost,
      ratio: rounded(cost.seconds / cp.seconds),
      cpu_ratio: rounded(cost.cpuSeconds / cp.cpuSeconds),
    }])),
  };
}

/** The seconds until the journal of a run has its first record, in each round. */
async function measureFirst(core: string) {
  const seconds: number[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const [program = "", ...args] = distcomp(core, "in", "out");
    const startedAtMs = systemClock.now();
    const child = spawn(program, args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    const ended = once(child, "exit");
    let hasEnded = false;
    void ended.then(() => hasEnded = true);
    while (!hasRecord() && !hasEnded) await delay(systemClock, 2);
    seconds.push(rounded((systemClock.now() - startedAtMs) / 1000));
    child.kill("SIGQUIT"); // ends at once, with its worker
    await ended;
    rmSync(join(folder, "out"), { recursive: true });
  }
  return { files: Number(values.files), first_record_seconds: seconds };
}

/** Whether the journal has the record of a job. The line before it says only that the run has begun. */
function hasRecord(): boolean {
  const journal = join(folder, "out/.distcomp/jobs.jsonl");
  return existsSync(journal) && readFileSync(journal, "utf8").includes('"index":');
}

function buildEcho(): string {
  const core = join(folder, "echo.so");
  const source = join(ROOT, "tests/fixtures/cores/echo.c");
  execFileSync("cc", ["-O2", "-fPIC", "-shared", "-o", core, source]);
  return core;
}

function makeInputs(files: number, bytes: number): void {
  mkdirSync(join(folder, "in"));
  const content = new Uint8Array(bytes).fill(42);
  for (let index = 0; index < files; index++) {
    writeFileSync(join(folder, "in", String(index).padStart(7, "0")), content);
  }
}

function distcomp(core: string, inputs: string, outputs: string): string[] {
  const runs = process.versions["bun"] ? [] : ["run", "-A", "--quiet"];
  return [
    ...[process.execPath, ...runs, join(ROOT, "cli.ts")],
    ...["run", core, inputs, "-o", outputs, "--quiet"],
  ];
}

/** Runs a command to its end, which must be a success. */
async function costOf(command: readonly string[]): Promise<Cost> {
  const times = join(folder, "times");
  const startedAtMs = systemClock.now();
  // The shell's `times` counts the processes that the command has waited for, too.
  const script = '"$@"; status=$?; times > "$0"; exit $status';
  const child = spawn("sh", ["-c", script, times, ...command], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const peak = watchPeak(child.pid as number);
  const [status] = await once(child, "exit") as [number];
  if (status !== 0) throw new Error(`${command.join(" ")} ended with ${status}`);
  const seconds = (systemClock.now() - startedAtMs) / 1000;
  const [, children = ""] = readFileSync(times, "utf8").split("\n");
  return { seconds: rounded(seconds), cpuSeconds: cpuSecondsIn(children), peakMb: peak.stop() };
}

/** Two times as a shell prints them: `0m1.5s 0m0.25s`. */
function cpuSecondsIn(line: string): number {
  const parts = [...line.matchAll(/(\d+)m([\d.]+)s/g)];
  return rounded(parts.reduce((sum, [, m, s]) => sum + 60 * Number(m) + Number(s), 0));
}

/** The largest peak of memory of the processes that a shell has started itself. Linux only; 0 elsewhere. */
function watchPeak(shell: number): { stop(): number } {
  let peakKb = 0;
  const look = () => {
    try {
      const children = readFileSync(`/proc/${shell}/task/${shell}/children`, "utf8");
      for (const pid of children.trim().split(" ")) {
        const status = readFileSync(`/proc/${pid}/status`, "utf8");
        peakKb = Math.max(peakKb, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
      }
    } catch {
      // It has just ended, or there is no /proc.
    }
  };
  const timer = systemClock.every(20, look);
  return {
    stop: () => {
      timer.stop();
      return Math.round(peakKb / 1000);
    },
  };
}

function medianOf(costs: readonly Cost[]): Cost {
  const median = (key: keyof Cost) => {
    const sorted = costs.map((cost) => cost[key]).sort((one, other) => one - other);
    return sorted[Math.floor(sorted.length / 2)] as number;
  };
  return {
    seconds: median("seconds"),
    cpuSeconds: median("cpuSeconds"),
    peakMb: median("peakMb"),
  };
}

function rounded(number: number): number {
  return Math.round(100 * number) / 100;
}
