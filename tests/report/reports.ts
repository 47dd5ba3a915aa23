/** Reports of journals in memory. */

import { readLines } from "../../report/journal_lines.ts";
import type { Report } from "../../report/report.ts";
import { ReportBuilder } from "../../report/report_builder.ts";
import { MemoryDisk } from "../lib/memory_files.ts";

/** The report of a journal with this text. */
export async function reportOf(text: string | Uint8Array): Promise<Report> {
  const { files } = new MemoryDisk();
  await files.create("/journal", text);
  const builder = new ReportBuilder();
  await readLines(files, "/journal", builder);
  return builder.build();
}

/** The report of several runs. */
export function reportOfRuns(...runs: readonly Iterable<string>[]): Promise<Report> {
  return reportOf(runs.map((lines) => [...lines].join("")).join(""));
}
