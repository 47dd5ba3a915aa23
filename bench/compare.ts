/**
 * Compares distcomp with other systems that do the same work, and with what no program can do better: echo jobs of
 * three sizes, on this machine. What is not installed is named and left out.
 *
 *     deno task bench                        everything: about ten minutes; wants an idle machine
 *     deno task bench --only MPI,worker      contestants whose names begin like that
 *     deno task bench --rounds 5 --seconds 2 --sizes 64,1048576
 *     deno task bench --program ./distcomp   an executable that is built already
 *
 * Prints a table, and writes `bench/results.json` (elsewhere with `-o FILE`). `deno task bench:chart` draws
 * docs/performance.svg from it.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { type Entry, type Ground, MissingError } from "./contestants/contestant.ts";
import { entriesOf } from "./contestants/distcomp.ts";
import { CORE_LOOP, ISOLATED_WORKER, TCP_ECHO } from "./contestants/limits.ts";
import { DASK, HYPERQUEUE, MPI, MPI_FILES, PARALLEL, RAY } from "./contestants/peers.ts";
import { formsOf } from "./forms.ts";
import { measureAll, type Open, type Series } from "./measurement.ts";
import { buildEcho, outputOf, ROOT } from "./programs.ts";
import { messageOf } from "../runtime/error_text.ts";
import { sizeText } from "../system/size_text.ts";
import { currentLoad, machineOf, type Results, resultsOf, tableOf } from "./results.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "1" },
    sizes: { type: "string", default: "64,65536,1048576" },
    slots: { type: "string", default: String(availableParallelism()) },
    only: { type: "string", default: "" },
    program: { type: "string" },
    output: { type: "string", short: "o", default: join(ROOT, "bench/results.json") },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const sizes = values.sizes.split(",").map(Number);

const folder = mkdtempSync(join(tmpdir(), "distcomp-bench-"));
/** The contestants that take part. */
const open: Open[] = [];
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    void closeAll().finally(() => {
      rmSync(folder, { recursive: true, force: true });
      process.exit(130);
    });
  });
}
try {
  const results = await compare();
  writeFileSync(values.output, `${JSON.stringify(results, null, 2)}\n`);
  console.log(`\n${tableOf(results)}`);
  for (const [name, how] of Object.entries(results.missing)) {
    console.log(`missing: ${name} (${how})`);
  }
  for (const [name, why] of Object.entries(results.failed)) console.log(`failed: ${name}: ${why}`);
} finally {
  rmSync(folder, { recursive: true });
}
process.exit(0);

async function compare(): Promise<Results> {
  const loadBefore = currentLoad();
  const [missing, failed] = [{} as Record<string, string>, {} as Record<string, string>];
  const entries = allEntries().filter(isAsked);
  const series: Series[] = [];
  try {
    await openAll(entries, missing, failed);
    for (const bytes of sizes) {
      series.push(
        ...await measureAll(open, bytes, { rounds, seconds }, {
          onMeasured,
          onFailed: (name, _, error) => failed[`${name}, ${sizeText(bytes)}`] = messageOf(error),
        }),
      );
    }
  } finally {
    await closeAll();
  }
  const comparedWith = [MPI.name, TCP_ECHO.name, series[0]?.name ?? "none"]
    .find((name) => series.some((one) => one.name === name)) ?? "none";
  return {
    measured_at: new Date().toISOString(),
    commit: await commitOf(),
    machine: machineOf(loadBefore),
    rounds,
    seconds_per_measurement: seconds,
    compared_with: comparedWith,
    missing,
    failed,
    results: resultsOf(series, entries, comparedWith),
  };
}

function allEntries(): Entry[] {
  const ours = formsOf(folder, values.program).map(entriesOf);
  // By kind, not by form: what is compared stands together, and is measured one after the other.
  const byKind = ours[0]?.map((_, kind) => ours.flatMap((entries) => entries[kind] ?? [])) ?? [];
  const limits = [CORE_LOOP, TCP_ECHO, ISOLATED_WORKER];
  return [...limits, MPI, MPI_FILES, ...byKind.flat(), RAY, DASK, HYPERQUEUE, PARALLEL];
}

function isAsked({ name }: Entry): boolean {
  return values.only === "" || values.only.split(",").some((start) => name.startsWith(start));
}

/** Ends the workers and the servers of all contestants. */
async function closeAll(): Promise<void> {
  await Promise.all(open.splice(0).map(({ contestant }) => contestant.close?.()));
}

/** Opens all contestants. Those that are missing or broken are named. */
async function openAll(
  entries: readonly Entry[],
  missing: Record<string, string>,
  failed: Record<string, string>,
): Promise<void> {
  const programs = new Map<string, Promise<string>>();
  const ground: Ground = {
    folder,
    core: await buildEcho(folder),
    slots: Number(values.slots),
    compile: (name, compiler = "cc") => {
      const program = programs.get(name) ?? compiled(name, compiler);
      programs.set(name, program);
      return program;
    },
  };
  for (const entry of entries) {
    try {
      console.error(`opening ${entry.name}`);
      const contestant = await entry.open(ground);
      open.push({ entry, contestant });
    } catch (error) {
      const { name } = entry;
      if (error instanceof MissingError) missing[name] = error.message;
      else failed[name] = messageOf(error);
    }
  }
}

async function compiled(name: string, compiler: string): Promise<string> {
  const program = join(folder, name);
  const source = join(ROOT, `bench/programs/${name}.c`);
  await outputOf([compiler, "-O2", "-o", program, source, "-ldl"]);
  return program;
}

function onMeasured(name: string, bytes: number, rate: number): void {
  console.error(`${sizeText(bytes).padStart(7)}  ${name}: ${rate.toPrecision(3)} jobs/s`);
}

/** The commit, and whether files were changed after it. */
async function commitOf(): Promise<string> {
  const git = ["git", "-C", ROOT];
  const commit = await outputOf([...git, "rev-parse", "--short=12", "HEAD"]).catch(() => "unknown");
  const changes = await outputOf([...git, "status", "--porcelain", "-uno"]).catch(() => "");
  const changed = changes.split("\n").map((line) => basename(line)).filter((name) =>
    name !== "" && name !== "results.json"
  );
  return commit.trim() + (changed.length > 0 ? "+changes" : "");
}
