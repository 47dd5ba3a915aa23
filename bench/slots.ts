/**
 * Measures how busy a run keeps its slots: jobs of 1, 10 and 100 ms in two slots of this machine, from the start of the
 * program to its end, against a loop in C that calls the same core in as many processes, in turn.
 *
 *     deno task bench:slots [--slots 2] [--rounds 5] [--part 1] [--program ./distcomp]
 *
 * Prints a table of medians. `times`: how many times as long as the loop. `start`: what a run of one job takes that
 * takes no time, which is part of all of them. `--part 0.1`: with a tenth of the jobs.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { Ground } from "./ground.ts";
import { medianOf } from "./measurement.ts";
import { outputOf, sourceCommand } from "./programs.ts";
import { table } from "./table.ts";

/** Milliseconds of a job, and how many jobs. */
const RUNS = [[1, 1000], [10, 1000], [100, 100]] as const;

const { values } = parseArgs({
  options: {
    slots: { type: "string", default: "2" },
    rounds: { type: "string", default: "5" },
    part: { type: "string", default: "1" },
    program: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const command = values.program ? [values.program] : sourceCommand();

using ground = new Ground();
const loop = await ground.program("core_loop");
const rows: string[][] = [];
for (const [jobMs, jobs] of RUNS) {
  rows.push(await measure(jobMs, Math.ceil(Number(values.part) * jobs)));
}
rows.push(await measureStart());
console.log(table(["jobs", "loop in C", "distcomp", "times"], rows));
process.exit(0);

async function measure(jobMs: number, jobs: number): Promise<string[]> {
  const core = await busyCore(1000 * jobMs);
  const loops: number[] = [], runs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    loops.push(Number(await outputOf([loop, core, `${jobs}`, "0", values.slots])));
    runs.push(await secondsOf(core, jobs));
  }
  const [ideal, taken] = [medianOf(loops), medianOf(runs)];
  return [`${jobs} of ${jobMs} ms`, seconds(ideal), seconds(taken), (taken / ideal).toFixed(3)];
}

async function measureStart(): Promise<string[]> {
  const core = await busyCore(0);
  const runs: number[] = [];
  for (let round = 0; round < rounds; round++) runs.push(await secondsOf(core, 1));
  return ["start", "", seconds(medianOf(runs)), ""];
}

function busyCore(microseconds: number): Promise<string> {
  return ground.core("busy", `busy-${microseconds}`, [`-DMICROSECONDS=${microseconds}`]);
}

/** How long a whole run takes. */
async function secondsOf(core: string, jobs: number): Promise<number> {
  const lines = join(ground.folder, `lines-${jobs}`);
  writeFileSync(lines, "x\n".repeat(jobs));
  const args = ["run", core, "--lines", lines, "--pack", join(ground.folder, "outputs.tar")];
  const options = ["--fresh", "--quiet", `--slots=${values.slots}`];
  const startedAtMs = performance.now();
  await outputOf([...command, ...args, ...options], { env: { DISTCOMP_WORKERS: "" } });
  return (performance.now() - startedAtMs) / 1000;
}

function seconds(value: number): string {
  return `${value.toFixed(3)} s`;
}
