/** The charts of a report, each with its numbers as a table. */

import { type Html, html, type HtmlValue, shown } from "../../page/html.ts";
import { formatCount, formatDuration, formatRate } from "../../system/format.ts";
import { percent } from "../percent.ts";
import type { Report } from "../report.ts";
import {
  type BarData,
  memoryData,
  type RateData,
  rateData,
  runTimeData,
  type StepData,
  stepData,
  timelineData,
} from "./chart_data.ts";
import { chartTable, type Column } from "./table.ts";
import { type TimelineRow, timelineRows } from "./timeline_rows.ts";

/** Rows of a table of what happened over time. */
const TIMES_MAX = 40;

/** What the charts need, and where they are drawn. */
export interface Charts {
  readonly sections: readonly Html[];
  readonly data: Readonly<Record<string, unknown>>;
}

/** The charts for which there are numbers. */
export function chartsOf(report: Report): Charts {
  const { knowledge, runs, runCount, memory, runTimes, failedTimes } = report;
  const firstNumber = runCount - runs.length + 1;
  const data: Record<string, unknown> = {
    runs: runs.map(({ atMs }, index) => [firstNumber + index, atMs / 1000]),
  };
  const sections: Html[] = [];
  if (knowledge.timed > 0) {
    const steps = data.time = stepData(report);
    const rows = timelineRows(report);
    if (rows.length > 0) {
      data.timeline = timelineData(report, rows);
      sections.push(timelineSection(report, rows));
    }
    sections.push(...timeSections(steps));
  }
  if (knowledge.ended > 0) {
    const rates = data.rate = rateData(report);
    sections.push(rateSection(rates));
  }
  if (runTimes.count + failedTimes.count > 0) {
    const bars = data.runTimes = runTimeData(report);
    sections.push(runTimeSection(report, bars));
  }
  if (memory.count > 0) {
    const bars = data.memory = memoryData(report);
    sections.push(barSection("memory", "Memory of jobs", "The peak of each job.", bars));
  }
  return { sections, data };
}

function rateSection({ x, done, failed }: RateData): Html {
  const numbers = timeTable(x, { "jobs/s": done, "failed/s": failed });
  return chart("rate", "Jobs per second", "Jobs that ended.", numbers);
}

function timeSections(steps: StepData): Html[] {
  const { x, slots, busy, cpu, waiting } = steps;
  return [
    chart(
      "slots",
      "Busy slots",
      `Slots that ran a job, beside those that there were${
        cpu ? ", and how many CPUs the jobs used" : ""
      }.`,
      timeTable(x, { slots, busy, ...(cpu ? { computing: cpu } : {}) }),
    ),
    chart(
      "waiting",
      "Jobs waiting",
      "Jobs whose input was read and that did not run yet. While there are none, slots wait for inputs.",
      timeTable(x, { waiting }),
    ),
  ];
}

/** Means over some steps at a time. The last step may be shorter than others, and counts less. */
function timeTable(
  x: readonly number[],
  amounts: Readonly<Record<string, readonly number[]>>,
): Html {
  const steps = x.length - 1;
  const each = Math.ceil(steps / TIMES_MAX);
  const froms = Array.from({ length: Math.ceil(steps / each) }, (_, row) => row * each);
  return chartTable(froms, [
    { head: "at", isNumber: true, cell: (from) => formatDuration(1000 * (x[from] as number)) },
    ...Object.entries(amounts).map(([head, values]): Column<number> => ({
      head,
      isNumber: true,
      cell: (from) => formatRate(meanOf(x, values, from, Math.min(steps, from + each))),
    })),
  ]);
}

function meanOf(
  x: readonly number[],
  values: readonly number[],
  from: number,
  to: number,
): number {
  let [sum, length] = [0, 0];
  for (let step = from; step < to; step++) {
    const seconds = (x[step + 1] as number) - (x[step] as number);
    sum += (values[step] as number) * seconds;
    length += seconds;
  }
  return length > 0 ? sum / length : 0;
}

function timelineSection({ rows: slots, spans }: Report, rows: readonly TimelineRow[]): Html {
  const what = spans && rows.length === slots.length
    ? "Each job on its slot."
    : rows.length === slots.length
    ? "How busy each slot was: the more color, the busier."
    : `How busy slots were, ${Math.ceil(slots.length / rows.length)} in a row.`;
  const hint = "Point at it to see more; drag to look closer, double-click to go back.";
  return html`<section class="wide"><h2>Timeline of slots</h2>
<p class="quiet">${what} Red: a job failed.</p>
<div class="chart" data-chart="timeline" role="img" aria-label="Timeline of slots; the numbers are in the table below"></div>
<p class="hint" id="timeline-hint" data-empty=${hint}>${hint}</p>
${
    chartTable(rows, [
      { head: "slot", isName: true, cell: ({ label }) => shown(label) },
      { head: "jobs", isNumber: true, cell: ({ jobs }) => formatCount(jobs) },
      { head: "failed", isNumber: true, cell: ({ failed }) => formatCount(failed) },
      { head: "busy", isNumber: true, cell: ({ busyPart }) => percent(busyPart) },
    ])
  }</section>\n`;
}

function runTimeSection({ knowledge }: Report, bars: BarData): Html {
  const what = knowledge.unmeasured > 0
    ? "From sending a job to its answer: the journal is of a build before 0.1.0, and does not say how long jobs ran."
    : "How long jobs ran in the core.";
  return barSection("runtimes", "Times of jobs", what, bars);
}

function barSection(kind: string, title: string, what: string, bars: BarData): Html {
  const { edges, done, failed } = bars;
  const rows: readonly BarRow[] = done.map((jobs, index) => ({
    from: edges[index] ?? "",
    to: edges[index + 1] ?? "",
    jobs,
    failed: failed?.[index] ?? 0,
  }));
  const columns: Column<BarRow>[] = [
    { head: "from", isNumber: true, cell: ({ from }) => from },
    { head: "to", isNumber: true, cell: ({ to }) => to },
    { head: "jobs", isNumber: true, cell: ({ jobs }) => formatCount(jobs) },
  ];
  if (failed) {
    columns.push({ head: "failed", isNumber: true, cell: (row) => formatCount(row.failed) });
  }
  return chart(kind, title, what, chartTable(rows, columns));
}

interface BarRow {
  readonly from: string;
  readonly to: string;
  readonly jobs: number;
  readonly failed: number;
}

function chart(kind: string, title: string, what: string, numbers: HtmlValue): Html {
  return html`<section><h2>${title}</h2>
<p class="quiet">${what}</p>
<div class="chart" data-chart=${kind} role="img" aria-label=${`${title}; the numbers are in the table below`}></div>
${numbers}</section>\n`;
}
