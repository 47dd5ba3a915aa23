/** The workers of a run as a table for a terminal, as wide and as long as there is room. */

import type { RunSnapshot, WorkerEntry } from "../../watch/snapshot.ts";
import { formatCount, formatDuration, formatRate, printable } from "../../system/format.ts";
import { usageBar } from "./terminal_charts.ts";
import { fitted, fittedRight, type Piece, type Style, widthOf } from "../terminal/terminal_text.ts";
import type { ScreenSize, TopView } from "./top_view.ts";
import { workerLabels } from "../display/worker_labels.ts";

/** A column of the table. */
interface Column {
  readonly title: string;
  readonly columns: number;
  readonly isRight?: boolean;
  readonly text: (worker: WorkerEntry) => string;
  readonly style?: (worker: WorkerEntry) => Style | undefined;
}

const NAME_COLUMNS_MIN = 19; // of the title, "WORKERS 100–120/300"
const NAME_COLUMNS_MAX = 40;
const SOFTWARE_COLUMNS_MIN = 18;

/** The title, and a line for each worker, or for as many as fit: at most `rows`. */
export function workerTable(
  run: RunSnapshot,
  view: TopView,
  { columns, rows }: ScreenSize,
): (readonly Piece[])[] {
  const workers = run.workers;
  const lines = Math.max(0, rows - 1);
  const first = firstShown(view.scroll, workers.length, lines);
  const shown = workers.slice(first, first + lines);
  const table = columnsFor(run, columns);
  const range = shown.length < run.workersTotal
    ? `${first + 1}–${first + shown.length}/${run.workersTotal}`
    : formatCount(run.workersTotal);
  const title = table.map((column, index) =>
    cell(column, index === 0 ? `WORKERS ${range}` : column.title)
  );
  return [
    [[fitted(title.join(" "), columns), "inverse"]],
    ...shown.map((worker) =>
      table.map((column): Piece => [
        `${cell(column, column.text(worker))} `,
        ...styleOf(column, worker),
      ])
    ),
  ];
}

/** The first worker that is shown: the last page is a full one. */
export function firstShown(scroll: number, workers: number, lines: number): number {
  return Math.max(0, Math.min(scroll, workers - lines));
}

function cell({ columns, isRight }: Column, text: string): string {
  return isRight ? fittedRight(text, columns) : fitted(text, columns);
}

function styleOf({ style }: Column, worker: WorkerEntry): [] | [Style] {
  const chosen = style?.(worker);
  return chosen === undefined ? [] : [chosen];
}

/** The columns that fit, the least important ones left out. The first one takes what is left. */
function columnsFor({ workers, at }: RunSnapshot, columns: number): Column[] {
  const labels = workerLabels(workers);
  const label = ({ address }: WorkerEntry) => labels.get(address) ?? "";
  const others: readonly (Column & { readonly rank: number })[] = [
    { rank: 0, title: "BUSY", columns: 9, isRight: true, text: busyText },
    { rank: 4, title: "", columns: 10, text: barText, style: () => "green" },
    {
      rank: 1,
      title: "JOBS/S",
      columns: 8,
      isRight: true,
      text: ({ jobsPerSecond }) => formatRate(jobsPerSecond),
    },
    {
      rank: 3,
      title: "JOBS",
      columns: 11,
      isRight: true,
      text: ({ answered }) => formatCount(answered),
    },
    { rank: 2, title: "LONGEST", columns: 8, isRight: true, text: (worker) => longest(worker, at) },
    { rank: 1, title: "STATE", columns: 9, text: stateText, style: stateStyle },
    { rank: 5, title: "SOFTWARE", columns: SOFTWARE_COLUMNS_MIN, text: softwareText },
  ];
  let left = columns - NAME_COLUMNS_MIN - 1;
  const fitting = new Set(
    [...others].sort((one, other) => one.rank - other.rank).filter((column) => {
      if (left < column.columns + 1) return false;
      left -= column.columns + 1;
      return true;
    }),
  );
  const shown = others.filter((column) => fitting.has(column));
  const isLast = shown.at(-1)?.text === softwareText;
  const softwareMore = isLast ? softwareRoom(workers, workers.map(label), left) : 0;
  const name = Math.min(NAME_COLUMNS_MAX, NAME_COLUMNS_MIN + left - softwareMore);
  return [
    { title: "WORKERS", columns: name, text: label },
    ...shown.map((column) =>
      column.text === softwareText ? { ...column, columns: column.columns + softwareMore } : column
    ),
  ];
}

/** The columns that names of software take beyond their least, of those that workers' names do not need. */
function softwareRoom(
  workers: readonly WorkerEntry[],
  labels: readonly string[],
  left: number,
): number {
  const names = Math.min(NAME_COLUMNS_MAX, Math.max(NAME_COLUMNS_MIN, ...labels.map(widthOf)));
  const longest = Math.max(0, ...workers.map((worker) => widthOf(softwareText(worker))));
  const room = left - (names - NAME_COLUMNS_MIN);
  return Math.max(0, Math.min(room, longest - SOFTWARE_COLUMNS_MIN));
}

function softwareText({ software = "version 1" }: WorkerEntry): string {
  return printable(software);
}

function busyText({ slots, slotsBusy }: WorkerEntry): string {
  return `${slotsBusy}/${slots}`;
}

function barText({ slots, slotsBusy }: WorkerEntry): string {
  return usageBar(slots === 0 ? 0 : slotsBusy / slots, 10);
}

function longest({ jobs: [oldest] }: WorkerEntry, at: number): string {
  return oldest ? formatDuration(Math.max(0, Math.round(at - oldest.beganAt))) : "";
}

function stateText({ state }: WorkerEntry): string {
  return state === "ready" ? "" : state;
}

function stateStyle({ state }: WorkerEntry): Style {
  return state === "set aside" ? "red" : "yellow";
}
