/** What `distcomp top` shows: the lines of a screen of any size, from a snapshot. */

import type { RunSnapshot } from "../../watch/snapshot.ts";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatNoun,
  formatRate,
} from "../terminal/format.ts";
import { formatMeasured, formatTimeLeft, printable } from "../terminal/format.ts";
import { sparkline, usageBar } from "./terminal_charts.ts";
import { fitted, type Piece, styledLine, wholePieces, widthOf } from "../terminal/terminal_text.ts";
import { footLine, framed, type Line, titleLine } from "./top_frame.ts";
import type { ScreenSize, TopView } from "./top_view.ts";
import { runningLines } from "./top_running.ts";
import { firstShown, workerTable } from "./top_workers.ts";

/** A part of the screen, with a title and so many lines at most. */
interface Section {
  readonly title: string;
  /** What each line is, if the title says how many of them are left out. */
  readonly noun?: string;
  readonly lines: readonly Line[];
  readonly linesMax: number;
}

/** The rows of the head and the foot. */
const FRAME_ROWS = 5;

/** Workers are more important than other sections: so many rows are theirs, with the title. */
const WORKER_ROWS_MIN = 4;

const FAILURES_MAX = 5;
const LOST_MAX = 3;
const RUNNING_MAX = 5;
const LOG_MAX = 4;

/** The lines of the screen: at most `rows`, each at most `columns` wide. */
export function topLines(run: RunSnapshot, view: TopView, size: ScreenSize): string[] {
  return topScreen(run, view, size).map(styledLine);
}

/** The same, before it has its styles. */
export function topScreen(run: RunSnapshot, view: TopView, size: ScreenSize): Line[] {
  const { columns } = size;
  const { sections, workerRows } = partsOf(run, size);
  const lines: Line[] = [
    ...head(run, columns),
    ...workerTable(run, view, { columns, rows: workerRows }),
    ...sections.flatMap(({ title, lines }) => [titleLine(title, columns), ...lines]),
  ];
  return framed(lines, footLine(view, run.workers.length > 0), size);
}

/** How many workers can be scrolled away: the last page is a full one. */
export function topScrollMax(run: RunSnapshot, size: ScreenSize): number {
  return firstShown(Infinity, run.workers.length, partsOf(run, size).workerRows - 1);
}

/** The sections that have room, and the rows of the workers, with their title. */
function partsOf(run: RunSnapshot, { columns, rows }: ScreenSize) {
  const sections = fittingSections(run, columns, rows - FRAME_ROWS - WORKER_ROWS_MIN);
  const taken = sections.reduce((sum, { lines }) => sum + lines.length + 1, 0);
  return { sections, workerRows: Math.max(1, rows - FRAME_ROWS - taken) };
}

function head(run: RunSnapshot, columns: number): Line[] {
  const { core, output, elapsedMs, phase, waitsFor, slots, slotsBusy, busyPart } = run;
  const time = `${phase === "running" ? "" : `${phase}, `}${formatDuration(elapsedMs)}`;
  const title = `${printable(core.name)} → ${printable(output)}`;
  const room = Math.max(0, columns - widthOf(time) - 1);
  const busy = `${formatCount(slotsBusy)}/${formatNoun(slots, "slot")} busy, ` +
    `${Math.round(100 * busyPart)}% so far`;
  const bytes = `${formatBytes(run.bytesIn)} in, ${formatBytes(run.bytesOut)} out`;
  return [
    [[fitted(title, room), "bold"], [` ${time}`]],
    progressLine(run, columns),
    waitsFor === null
      ? wholePieces([[busy], [`  ${bytes}`], [medianText(run)]], columns)
      : [[`${busy}  `], [`waits for ${printable(waitsFor)}`, "yellow"]],
    [["jobs/s ", "dim"], [sparkline(run.throughput, columns - "jobs/s ".length), "green"]],
  ];
}

/** How long jobs take in the core, if that was measured. */
function medianText({ times }: RunSnapshot): string {
  return times === null ? "" : `  median ${formatMeasured(times.medianMs)} in the core`;
}

/** The counts, and before and behind them what fits: the percentage, details, and a bar. */
function progressLine({ jobs, jobsPerSecond, leftMs }: RunSnapshot, columns: number): Piece[] {
  const { total, done, failed } = jobs;
  const ended = done + failed;
  const counts: Piece[] = [
    total === null
      ? [formatNoun(ended, "job")]
      : [`${formatCount(ended)}/${formatNoun(total, "job")}`],
    ...(failed > 0 ? [[`  ${formatCount(failed)} failed`, "red"] as const] : []),
  ];
  const details: Piece[] = [
    ...(jobsPerSecond > 0 ? [[`  ${formatRate(jobsPerSecond)} jobs/s`] as const] : []),
    ...(leftMs !== null && leftMs > 0 && ended !== total
      ? [[`  ${formatTimeLeft(leftMs)} left`] as const]
      : []),
  ];
  if (total === null) return wholePieces([...counts, ...details], columns);
  const part = total === 0 ? 1 : Math.min(1, ended / total);
  const percent = `${Math.floor(100 * part)}%  `;
  const room = columns - percent.length;
  if (widthOfAll(counts) > room) return wholePieces(counts, columns);
  const pieces = wholePieces([...counts, ...details], room);
  const bar = Math.min(30, room - widthOfAll(pieces) - 1);
  if (bar < 6) return [[percent], ...pieces];
  return [[usageBar(part, bar), "green"], [` ${percent}`], ...pieces];
}

function widthOfAll(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, [text]) => sum + widthOf(text), 0);
}

/** The most important sections first: the last ones are left out where there is little room. */
function fittingSections(run: RunSnapshot, columns: number, rows: number): Section[] {
  let left = rows;
  return [failures(run), lost(run), running(run, columns), log(run)].flatMap((section) => {
    const room = Math.min(section.linesMax, left - 1);
    if (section.lines.length === 0 || room <= 0) return [];
    const lines = section.lines.slice(0, room);
    left -= lines.length + 1;
    return [{ ...section, title: section.title + moreText(section, lines.length), lines }];
  });
}

/** What there is beside the lines that are shown, where a section says it. */
function moreText({ noun, lines }: Section, shown: number): string {
  const more = lines.length - shown;
  return noun === undefined || more === 0 ? "" : `, and ${formatNoun(more, noun)}`;
}

function failures({ failures, jobs }: RunSnapshot): Section {
  return {
    title: `FAILED ${formatCount(jobs.failed)}`,
    noun: "more reason",
    linesMax: FAILURES_MAX,
    lines: failures.map(({ reason, jobs, names }) => [
      [`${formatCount(jobs).padStart(7)}  `, "red"],
      [`${printable(reason)}  `],
      [names.map(printable).join(", "), "dim"],
    ]),
  };
}

function lost({ lost, lostTotal, at }: RunSnapshot): Section {
  return {
    title: `LOST ${formatCount(lostTotal)}`,
    linesMax: LOST_MAX,
    lines: lost.map(({ name, lostAt, reason, jobs }) => [
      [`${formatDuration(Math.max(0, at - lostAt)).padStart(7)}  `],
      [`${printable(name)}  `, "red"],
      [printable(reason)],
      [jobs === 0 ? "" : `  ${formatNoun(jobs, "job")} rescheduled`, "dim"],
    ]),
  };
}

function running(run: RunSnapshot, columns: number): Section {
  return {
    title: `RUNNING ${formatCount(run.jobs.running)}`,
    linesMax: RUNNING_MAX,
    lines: runningLines(run, RUNNING_MAX, columns),
  };
}

/** The newest lines, as many as there is room for. */
function log({ log }: RunSnapshot): Section {
  const lines = log.slice(-LOG_MAX).map(({ at, level, text }): Line => [
    [`${new Date(at).toTimeString().slice(0, 8)} `, "dim"],
    level === "warning" ? [printable(text), "yellow"] : [printable(text)],
  ]);
  return { title: "LOG", linesMax: LOG_MAX, lines };
}
