/**
 * Measures what the number of threads per slot does to a core that uses OpenMP: as distcomp chooses it, one thread
 * per slot set by hand, and as many threads in each slot as there are CPUs, which is what OpenMP does by itself.
 *
 *     deno task bench:threads [--jobs 40] [--rounds 2000] [--repeats 5]
 *
 * The settings take turns, because other programs may be busy too. Prints one line of JSON: for each setting the
 * median seconds and the median CPU seconds of a run, and both divided by those with one thread per slot.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { usableCpus } from "../system/usable_cpus.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TICKS_PER_S = 100;

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "40" },
    rounds: { type: "string", default: "2000" },
    repeats: { type: "string", default: "5" },
  },
});

/** The variable that each setting gives to the run. */
const SETTINGS: Readonly<Record<string, string | undefined>> = {
  chosen: undefined,
  one_by_hand: "1",
  one_per_cpu: String(usableCpus()),
};

interface Cost {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

const folder = mkdtempSync(join(tmpdir(), "distcomp-bench-"));
try {
  console.log(JSON.stringify(measure()));
} finally {
  rmSync(folder, { recursive: true });
}

function measure() {
  const core = join(folder, "openmp.so");
  const source = join(ROOT, "tests/fixtures/cores/openmp.c");
  execFileSync("cc", ["-O2", "-fPIC", "-shared", "-fopenmp", "-o", core, source]);
  writeFileSync(join(folder, "lines"), `${values.rounds}\n`.repeat(Number(values.jobs)));
  const costs = Object.keys(SETTINGS).map((setting) => ({ setting, all: [] as Cost[] }));
  for (let repeat = 0; repeat < Number(values.repeats); repeat++) {
    for (const { setting, all } of costs) all.push(costOf(core, SETTINGS[setting]));
  }
  const medians = costs.map(({ setting, all }) => ({
    setting,
    seconds: median(all.map(({ seconds }) => seconds)),
    cpu_seconds: median(all.map(({ cpuSeconds }) => cpuSeconds)),
  }));
  const base = medians.find(({ setting }) => setting === "one_by_hand");
  return {
    slots: usableCpus(),
    jobs: Number(values.jobs),
    settings: medians.map((one) => ({
      ...one,
      times: round(one.seconds / (base?.seconds ?? NaN)),
      cpu_times: round(one.cpu_seconds / (base?.cpu_seconds ?? NaN)),
    })),
  };
}

function costOf(core: string, threads: string | undefined): Cost {
  const env: Record<string, string | undefined> = { ...process.env };
  for (const name of ["OMP_NUM_THREADS", "OMP_THREAD_LIMIT"]) delete env[name];
  if (threads !== undefined) env["OMP_NUM_THREADS"] = threads;
  const args = ["run", "-A", "--quiet", join(ROOT, "cli.ts"), "run", core, "--fresh", "--quiet"];
  const before = { ms: performance.now(), cpu: cpuOfChildren() };
  execFileSync(process.execPath, [...args, "--lines", "lines", "-o", "outputs"], {
    cwd: folder,
    env: env as Record<string, string>,
  });
  return {
    seconds: round((performance.now() - before.ms) / 1000),
    cpuSeconds: round(cpuOfChildren() - before.cpu),
  };
}

/** CPU seconds of all processes that this one and its children have started and waited for. */
function cpuOfChildren(): number {
  const text = readFileSync("/proc/self/stat", "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_S;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? NaN;
}

function round(number: number): number {
  return Math.round(1000 * number) / 1000;
}
