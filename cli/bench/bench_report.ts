/** How `distcomp bench` shows its figures: a table, or a list where that is too wide, and a sentence for each worker. */

import { adviceOn, costOf, type JobCost, type WorkerFigures } from "./bench_figures.ts";
import {
  formatBytes,
  formatCount,
  formatMeasured,
  formatRate,
  printable,
} from "../../system/format.ts";
import { jsonLine } from "../../system/json_line.ts";
import { padded, widthOf } from "../terminal/terminal_text.ts";

/** What was found about one worker: figures, or why there are none. */
export type WorkerReport =
  | { readonly figures: WorkerFigures }
  | { readonly worker: string; readonly kind: "no worker" | "job"; readonly error: string };

const HEADS = [
  "worker",
  "slots",
  "round trip",
  "one job",
  "jobs/s",
  "MB/s in",
  "MB/s out",
  "in the core",
  "distcomp adds",
] as const;

const GAP = "  ";

/** The figures as text that fits `columns`. `coreMs`: what a job takes in the core on this machine. */
export function figuresText(
  all: readonly WorkerFigures[],
  coreMs: number | undefined,
  columns: number,
): string {
  const rows = all.map((figures) => cellsOf(figures, costOf(figures, coreMs)));
  const widths = HEADS.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => widthOf(row[column] ?? "")))
  );
  const total = widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length);
  if (total > columns) return rows.map(listOf).join("\n\n");
  const line = (cells: readonly string[]) => {
    const [first = "", ...others] = cells.map((cell, column) =>
      column === 0 ? padded(cell, widths[0] as number) : cell.padStart(widths[column] as number)
    );
    return [first, ...others].join(GAP);
  };
  return [line(HEADS), ...rows.map(line)].join("\n");
}

/** One worker, a line for each figure. */
function listOf([worker = "", ...cells]: readonly string[]): string {
  const width = Math.max(...HEADS.map((head) => head.length));
  const lines = cells.map((cell, index) => `  ${HEADS[index + 1]?.padEnd(width)}${GAP}${cell}`);
  return [worker, ...lines].join("\n");
}

function cellsOf(figures: WorkerFigures, { coreMs, addedMs }: JobCost): string[] {
  const { worker, slots, roundTripMs, jobMs, jobsPerSecond } = figures;
  const time = (ms: number | undefined) => ms === undefined ? "unknown" : formatMeasured(ms);
  return [
    printable(worker),
    formatCount(slots),
    time(roundTripMs),
    time(jobMs),
    formatRate(jobsPerSecond),
    formatRate(jobsPerSecond * figures.inputBytes / 1e6),
    formatRate(jobsPerSecond * figures.outputBytes / 1e6),
    time(coreMs),
    time(addedMs),
  ];
}

/** What to do about the costs of this worker's jobs, as one sentence without a period. */
export function adviceText(figures: WorkerFigures, cost: JobCost): string {
  const costs = costText(cost);
  if (figures.exitCode !== 0) return costs; // a job that fails says nothing of one that succeeds
  const advice = adviceOn(figures, cost);
  if (advice.kind === "fine") return `${costs}: nothing to gain`;
  if (advice.kind === "less data") {
    const bytes = formatBytes(figures.inputBytes + figures.outputBytes);
    return `${costs}, mostly to move their ${bytes}: make inputs and outputs smaller, or do more with each`;
  }
  return `${costs}: put ${formatCount(advice.jobs)} in one input; ` +
    "if each must be a job, use --lines, which reads one file instead of many";
}

function costText({ slotMs, coreMs, addedMs }: JobCost): string {
  if (coreMs === undefined || addedMs === undefined) {
    return `jobs take ${formatMeasured(slotMs)}, with what distcomp adds`;
  }
  const percent = 100 * addedMs / slotMs;
  if (percent < 5) {
    return `jobs take ${formatMeasured(coreMs)}, and distcomp adds ${percentText(percent)}`;
  }
  return `jobs take ${formatMeasured(coreMs)} in the core, and distcomp adds ${
    formatMeasured(addedMs)
  }`;
}

function percentText(percent: number): string {
  return percent < 1 ? "less than 1%" : `${Math.round(percent)}%`;
}

/** What a job takes in the core on the worker, if there is one. Several are of different machines. */
function coreMsOfOnly(reports: readonly WorkerReport[]): number | undefined {
  const [only] = reports;
  return reports.length === 1 && only && "figures" in only ? only.figures.coreMs : undefined;
}

/** Everything as one line of JSON. `coreMs`: what a job takes in the core on this machine, if that was tried. */
export function benchJson(
  core: string,
  coreMs: number | undefined,
  reports: readonly WorkerReport[],
): string {
  return jsonLine({
    core,
    core_ms: coreMs ?? coreMsOfOnly(reports),
    workers: reports.map((report) => {
      if ("error" in report) return report;
      const { figures } = report;
      const cost = costOf(figures, coreMs);
      return {
        worker: figures.worker,
        slots: figures.slots,
        round_trip_ms: figures.roundTripMs,
        job_ms: figures.jobMs,
        core_ms: cost.coreMs,
        jobs_per_s: figures.jobsPerSecond,
        input_bytes: figures.inputBytes,
        output_bytes: figures.outputBytes,
        slot_ms_per_job: cost.slotMs,
        added_ms_per_job: cost.addedMs,
        exit_code: figures.exitCode,
        advice: adviceText(figures, cost),
      };
    }),
  });
}
