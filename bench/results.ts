/** What a benchmark has found: the file `bench/results.json`, and the same as a table. */

import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem, type } from "node:os";
import process from "node:process";
import type { Entry } from "./contestants/contestant.ts";
import { table } from "./table.ts";
import { medianOf, type Series } from "./measurement.ts";
import { sizeText } from "../system/size_text.ts";

/** One contestant with inputs of one size. */
export interface Result {
  readonly name: string;
  readonly group: Entry["group"];
  readonly what: string;
  readonly bytes: number;
  readonly jobs_per_s: number;
  /** 10⁶ bytes of inputs each second; as many of outputs. */
  readonly mb_per_s_each_way: number;
  /** Of the jobs per second of the contestant that all are compared with. */
  readonly ratio: number | null;
  /** A whole program: what it takes for one job. The rate is without that. */
  readonly start_s?: number;
  /** The slowest and the fastest round, as parts of the median. */
  readonly spread: readonly [number, number];
}

/** The contents of the file. */
export interface Results {
  readonly measured_at: string;
  readonly commit: string;
  readonly machine: {
    readonly system: string;
    readonly cpu: string;
    readonly cpus: number;
    readonly memory_gb: number;
    /** How many programs wanted to run, over the last minute: when the benchmark began, and when it ended. */
    readonly load: readonly [number, number];
  };
  readonly rounds: number;
  readonly seconds_per_measurement: number;
  /** The contestant whose rate is 1. */
  readonly compared_with: string;
  /** What is not installed, and how to install it. */
  readonly missing: Readonly<Record<string, string>>;
  /** What could not be measured, and why. */
  readonly failed: Readonly<Record<string, string>>;
  readonly results: readonly Result[];
}

/** How busy the machine is. */
export function currentLoad(): number {
  return Math.round(100 * (loadavg()[0] ?? 0)) / 100;
}

/** The machine that this runs on. */
export function machineOf(loadBefore: number): Results["machine"] {
  return {
    system: `${type()} ${release()} ${process.arch}`,
    cpu: cpus()[0]?.model || cpuName(),
    cpus: availableParallelism(),
    memory_gb: Math.round(totalmem() / 1e9),
    load: [loadBefore, currentLoad()],
  };
}

function cpuName(): string {
  try {
    return /^model name\s*: (.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "unknown";
  } catch {
    return "unknown";
  }
}

/** The medians of all series, and their ratios. */
export function resultsOf(
  all: readonly Series[],
  entries: readonly Entry[],
  comparedWith: string,
): Result[] {
  const rateOf = ({ jobsPerSecond }: Series) => medianOf(jobsPerSecond);
  return all.map((series) => {
    const { name, bytes, jobsPerSecond, startSeconds } = series;
    const { group, what } = entries.find((entry) => entry.name === name) as Entry;
    const base = all.find((other) => other.name === comparedWith && other.bytes === bytes);
    const rate = rateOf(series);
    const parts = jobsPerSecond.map((one) => round(one / rate));
    return {
      name,
      group,
      what,
      bytes,
      jobs_per_s: Number(rate.toPrecision(3)),
      mb_per_s_each_way: Number((rate * bytes / 1e6).toPrecision(3)),
      ...startSeconds.length > 0 && { start_s: Number(medianOf(startSeconds).toFixed(3)) },
      ratio: base ? Number((rate / rateOf(base)).toPrecision(2)) : null,
      spread: [Math.min(...parts), Math.max(...parts)],
    };
  });
}

function round(number: number): number {
  return Math.round(100 * number) / 100;
}

/** The table for people, and for Markdown: a row for each contestant, a column for each size. */
export function tableOf({ results, compared_with: base }: Results): string {
  const sizes = [...new Set(results.map(({ bytes }) => bytes))];
  const names = [...new Set(results.map(({ name }) => name))];
  const starts = startsIn(results);
  const head = [
    `${base} = 1`,
    ...sizes.flatMap((bytes) => [sizeText(bytes), ""]),
    ...starts.size > 0 ? ["start"] : [],
  ];
  const rows = names.map((name) => [
    name,
    ...sizes.flatMap((bytes) => {
      const found = results.find((one) => one.name === name && one.bytes === bytes);
      return found ? [`${found.ratio ?? "-"}`, rateText(found)] : ["", ""];
    }),
    ...starts.size > 0 ? [starts.get(name) ?? ""] : [],
  ]);
  return table(head, rows);
}

/** What each whole program takes for one job, by its name. */
function startsIn(results: readonly Result[]): Map<string, string> {
  const starts = new Map<string, string>();
  for (const name of new Set(results.map((result) => result.name))) {
    const all = results.flatMap((one) => one.name === name ? one.start_s ?? [] : []);
    if (all.length > 0) starts.set(name, `${medianOf(all).toFixed(2)} s`);
  }
  return starts;
}

/** Small jobs are counted, large ones are weighed. */
function rateText({ bytes, jobs_per_s: jobs, mb_per_s_each_way: megabytes }: Result): string {
  return bytes < 4096 ? `${jobs.toLocaleString("en-US")} jobs/s` : `${megabytes} MB/s`;
}
