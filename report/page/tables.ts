/** Tables of a report. */

import { type Html, html, type HtmlValue, shown } from "../../page/html.ts";
import { formatBytes, formatCount, formatDuration, formatMeasured } from "../../system/format.ts";
import { runEndText } from "../ending_text.ts";
import { percent } from "../percent.ts";
import type { ListedJob, Report } from "../report.ts";
import type { NodeFacts } from "../nodes.ts";
import type { RunSpan } from "../run_times.ts";
import { type Column, table } from "./table.ts";

/** Nodes that are shown. Those that failed jobs come first where there are more. */
const NODES_MAX = 200;

/** Reasons that are shown, as many as at the end of a run. */
const REASONS_MAX = 20;

/** Characters of a name that is one of several. */
const NAME_CHARS_MAX = 60;

/** What is not known. */
const UNKNOWN = "–";

/** The jobs that took longest, beside the median. */
export function longestTable({ longest, runTimes }: Report): Html | undefined {
  const medianMs = runTimes.quantile(0.5);
  return jobTable("Longest jobs", longest, [
    {
      head: "× median",
      isNumber: true,
      cell: ({ runMs }) =>
        medianMs > 0 ? formatCount(Number((runMs / medianMs).toPrecision(2))) : UNKNOWN,
    },
  ]);
}

/** The jobs that used most memory. */
export function largestTable({ largest }: Report): Html | undefined {
  return jobTable("Jobs with the most memory", largest, []);
}

function jobTable(
  title: string,
  jobs: readonly ListedJob[],
  more: readonly Column<ListedJob>[],
): Html | undefined {
  if (jobs.length === 0) return undefined;
  const time: Column<ListedJob> = {
    head: "time",
    isNumber: true,
    cell: ({ runMs }) => formatMeasured(runMs),
  };
  return section(
    title,
    table(jobs, [
      { head: "job", isName: true, cell: ({ name }) => shown(name) },
      time,
      ...more,
      { head: "CPU", isNumber: true, cell: ({ cpuMs }) => known(cpuMs, formatMeasured) },
      {
        head: "memory",
        isNumber: true,
        cell: ({ memoryBytes }) => known(memoryBytes, formatBytes),
      },
      { head: "where", cell: whereOf },
      {
        head: "ended at",
        isNumber: true,
        cell: ({ endedAtMs }) => known(endedAtMs, formatDuration),
      },
      { head: "", cell: ({ isDone }) => isDone ? "" : "failed" },
    ]),
  );
}

function whereOf({ node, slot }: ListedJob): string {
  if (node === undefined) return UNKNOWN;
  return slot === undefined ? shown(node) : `${shown(node)}, slot ${slot}`;
}

/** Failed jobs by reason. */
export function failureTable({ failures, failuresLeftOut, failed }: Report): Html | undefined {
  if (failed === 0) return undefined;
  const more = failures.slice(REASONS_MAX).reduce((sum, { jobs }) => sum + jobs, failuresLeftOut);
  const rows = table(failures.slice(0, REASONS_MAX), [
    { head: "jobs", isNumber: true, cell: ({ jobs }) => formatCount(jobs) },
    {
      head: "reason",
      isName: true,
      cell: ({ reason, printed }) => html`${shown(reason)}${printedLines(printed)}`,
    },
    { head: "kind", cell: ({ cause }) => shown(cause ?? "") },
    { head: "for example", isName: true, cell: ({ names }) => names.map(shownShort).join(", ") },
    {
      head: "on",
      cell: ({ nodes }) =>
        listed(nodes.map(({ name, jobs }) => `${shown(name)} (${formatCount(jobs)})`)),
    },
  ]);
  const rest = more > 0
    ? html`<p class="quiet">${
      formatCount(more)
    } more jobs failed for other reasons. The journal has all of them.</p>`
    : undefined;
  return section("Failures by reason", html`${rows}${rest}`);
}

/** A name among others. */
function shownShort(name: string): string {
  const text = shown(name);
  return text.length <= NAME_CHARS_MAX ? text : `${text.slice(0, NAME_CHARS_MAX - 1)}…`;
}

function printedLines(lines: readonly string[]): HtmlValue {
  if (lines.length === 0) return undefined;
  const text = lines.map(shown).join("\n");
  return html`
    <details>
      <summary>what one of them printed</summary>
      <pre>${text}</pre>
    </details>
  `;
}

function listed(texts: readonly string[]): string {
  const [first, second, third, ...others] = texts;
  const some = [first, second, third].filter((text) => text !== undefined).join(", ");
  return others.length > 0 ? `${some} and ${others.length} more` : some;
}

/** What each node did. */
export function nodeTable(report: Report): Html | undefined {
  const { nodes } = report;
  if (nodes.length === 0) return undefined;
  const sorted = nodes.toSorted((one, other) => other.failed - one.failed || other.jobs - one.jobs);
  const content = table(sorted.slice(0, NODES_MAX), [
    { head: "node", isName: true, cell: ({ name }) => shown(name) },
    ...slotColumns(report),
    { head: "jobs", isNumber: true, cell: ({ jobs }) => formatCount(jobs) },
    {
      head: "failed",
      isNumber: true,
      isBad: ({ failed }) => failed > 0,
      cell: ({ failed }) => formatCount(failed),
    },
    { head: "mean time", isNumber: true, cell: (node) => known(meanOf(node), formatMeasured) },
    {
      head: "memory of a job",
      isNumber: true,
      cell: ({ memoryBytes }) => memoryBytes > 0 ? `up to ${formatBytes(memoryBytes)}` : UNKNOWN,
    },
    { head: "left", cell: leftText },
  ]);
  const more = nodes.length - NODES_MAX;
  const rest = more > 0 ? html`<p class="quiet">${formatCount(more)} more nodes.</p>` : undefined;
  return section("Nodes", html`${content}${rest}`);
}

/** How many slots a node had, and how busy they were while it was there. */
function slotColumns({ rows }: Report): Column<NodeFacts>[] {
  const busyMs = new Map<string, number>();
  for (const row of rows) busyMs.set(row.node, (busyMs.get(row.node) ?? 0) + row.busyMs);
  const busyPart = ({ name, capacityMs }: NodeFacts) =>
    capacityMs > 0 ? Math.min(1, (busyMs.get(name) ?? 0) / capacityMs) : undefined;
  return [
    { head: "slots", isNumber: true, cell: ({ slots }) => slots || UNKNOWN },
    { head: "busy", isNumber: true, cell: (node) => known(busyPart(node), percent) },
  ];
}

function leftText({ left, leftReason }: NodeFacts): string {
  return left === 0 ? "" : `${left === 1 ? "once" : `${left} times`}: ${shown(leftReason)}`;
}

function meanOf({ runMs, runs }: NodeFacts): number | undefined {
  return runs === 0 ? undefined : runMs / runs;
}

/** The runs, where there was more than one. */
export function runTable({ runs, runCount }: Report, isGoingOn: boolean): Html | undefined {
  if (runCount < 2) return undefined;
  const firstNumber = runCount - runs.length + 1;
  const numbered = runs.map((run, index) => ({ run, number: firstNumber + index }));
  const stateOf = (run: RunSpan) =>
    run.hasEnded
      ? runEndText(run.ending)
      : run === runs.at(-1) && isGoingOn
      ? "continues"
      : "did not end in order";
  return section(
    "Runs",
    table(numbered, [
      { head: "run", isNumber: true, cell: ({ number }) => number },
      { head: "began (UTC)", cell: ({ run }) => known(run.begunAt, clockText) },
      { head: "took", isNumber: true, cell: ({ run }) => formatDuration(run.lengthMs) },
      { head: "jobs", isNumber: true, cell: ({ run }) => formatCount(run.jobs) },
      { head: "failed", isNumber: true, cell: ({ run }) => formatCount(run.failed) },
      { head: "", cell: ({ run }) => run.begunAt === undefined ? "" : stateOf(run) },
    ]),
  );
}

/** `2026-01-02 12:00:00` */
export function clockText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}

/** A section with a title. */
export function section(title: string, content: HtmlValue): Html {
  return html`<section><h2>${title}</h2>${content}</section>\n`;
}

function known<T>(value: T | undefined, text: (value: T) => string): string {
  return value === undefined ? UNKNOWN : text(value);
}
