/** What `distcomp top` shows: the lines of a screen of any size, from a snapshot. */

import type { RunSnapshot } from "../../watch/snapshot.ts";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMeasured,
  formatNoun,
  formatRate,
  formatTimeLeft,
  printable,
} from "../../system/format.ts";
import { sparkline, usageBar } from "./terminal_charts.ts";
import { fitted, type Piece, styledLine, wholePieces, widthOf } from "../terminal/terminal_text.ts";
import { footLine, framed, type Line, titleLine } from "./top_frame.ts";
import type { ScreenSize, TopView } from "./top_view.ts";
import { runningLines } from "./top_running.ts";
import { firstShown, workerTable } from "./top_workers.ts";

/** What may be shown below the workers. */
interface Section {
  readonly title: string;
  /** What each line is, if the title says how many of them are left out. */
  readonly noun?: string;
  /** How many lines there are, and how many are shown as long as others need the rows. */
  readonly total: number;
  readonly linesMax: number;
  readonly linesOf: (count: number) => readonly Line[];
}

/** A section that has room. */
interface ShownSection {
  readonly title: string;
  readonly lines: readonly Line[];
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

/**
 * The most important sections first: the last ones are left out where there is little room, and the first ones get the
 * rows that nobody else needs.
 */
function fittingSections(run: RunSnapshot, columns: number, rows: number): ShownSection[] {
  let left = rows;
  const fitting = [failures(run), lost(run), running(run, columns), log(run)].flatMap((section) => {
    const count = Math.min(section.linesMax, section.total, left - 1);
    if (count <= 0) return [];
    left -= count + 1;
    return [{ section, count }];
  });
  let spare = Math.max(0, left + WORKER_ROWS_MIN - (run.workers.length + 1));
  return fitting.map(({ section, count }) => {
    const more = Math.min(spare, section.total - count);
    spare -= more;
    return shownPart(section, count + more);
  });
}

function shownPart({ title, noun, total, linesOf }: Section, count: number): ShownSection {
  const more = noun === undefined || count === total
    ? ""
    : `, and ${formatNoun(total - count, noun)}`;
  return { title: title + more, lines: linesOf(count) };
}

function failures({ failures, jobs }: RunSnapshot): Section {
  return {
    title: `FAILED ${formatCount(jobs.failed)}`,
    noun: "more reason",
    total: failures.length,
    linesMax: FAILURES_MAX,
    linesOf: (count) =>
      failures.slice(0, count).map(({ reason, jobs, names }) => [
        [`${formatCount(jobs).padStart(7)}  `, "red"],
        [`${printable(reason)}  `],
        [names.map(printable).join(", "), "dim"],
      ]),
  };
}

function lost({ lost, lostTotal, at }: RunSnapshot): Section {
  return {
    title: `LOST ${formatCount(lostTotal)}`,
    total: lost.length,
    linesMax: LOST_MAX,
    linesOf: (count) =>
      lost.slice(0, count).map(({ name, lostAt, reason, jobs }) => [
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
    total: run.running.length,
    linesMax: RUNNING_MAX,
    linesOf: (count) => runningLines(run, count, columns),
  };
}

/** The newest lines. */
function log({ log }: RunSnapshot): Section {
  return {
    title: "LOG",
    total: log.length,
    linesMax: LOG_MAX,
    linesOf: (count) =>
      log.slice(-count).map(({ at, level, text }): Line => [
        [`${new Date(at).toTimeString().slice(0, 8)} `, "dim"],
        level === "warning" ? [printable(text), "yellow"] : [printable(text)],
      ]),
  };
}
