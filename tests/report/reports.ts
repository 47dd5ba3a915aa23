/** Reports of journals in memory. */

import assert from "node:assert/strict";
import { figuresOf } from "../../report/figures.ts";
import { readFacts } from "../../report/fact_reader.ts";
import { limitsOf } from "../../report/run_limits.ts";
import type { Report } from "../../report/report.ts";
import { ReportBuilder } from "../../report/report_builder.ts";
import { MemoryDisk } from "../lib/memory_files.ts";

/** The report of a journal with this text. */
export async function reportOf(text: string | Uint8Array): Promise<Report> {
  const { files } = new MemoryDisk();
  await files.create("/journal", text);
  const builder = new ReportBuilder();
  await readFacts(files, "/journal", builder);
  return builder.build();
}

/** The report of several runs. */
export function reportOfRuns(...runs: readonly Iterable<string>[]): Promise<Report> {
  return reportOf(runs.map((lines) => [...lines].join("")).join(""));
}

/** What limits the run, as the first sentence says. */
export function limitOf(report: Report): string | undefined {
  return limitsOf(figuresOf(report, false))[0]?.kind;
}

/** The fields of a job that has failed. */
export function failed(error: string): Record<string, unknown> {
  return { state: "failed", error, exitCode: undefined, cause: "crash" };
}

/** The sum of a series. */
export function sum(values: Float64Array): number {
  return values.reduce((all, value) => all + value, 0);
}

/** A value is what it should be, but for the tolerance. */
export function near(value: number, wanted: number, tolerance: number): void {
  assert(Math.abs(value - wanted) <= tolerance, `${value}, not ${wanted}`);
}
