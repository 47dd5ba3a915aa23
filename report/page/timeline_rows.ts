/** The rows of the timeline: slots, or several slots of one node together if there are too many for a screen. */

import type { Report } from "../report.ts";
import type { SlotRow } from "../slot_rows.ts";

/** More rows are thinner than a line of the screen. */
const TIMELINE_ROWS_MAX = 384;

/** One slot, or several. */
export interface TimelineRow {
  readonly node: string;
  readonly label: string;
  /** The numbers of its slots' rows in the report. */
  readonly numbers: readonly number[];
  readonly jobs: number;
  readonly failed: number;
  /** Of one slot, on average. */
  readonly busyMs: Float64Array;
  readonly busyPart: number;
  /** The part of it that was spent on jobs that failed. */
  readonly failedMs: Float64Array | undefined;
}

/** The rows, by node and slot. */
export function timelineRows({ rows, lengthMs }: Report): TimelineRow[] {
  const together = Math.ceil(rows.length / TIMELINE_ROWS_MAX);
  const groups: SlotRow[][] = [];
  for (const row of rows) {
    const group = groups.at(-1);
    // Slots of several nodes are in one row only where there are more nodes than rows.
    if (group && group.length < together) group.push(row);
    else groups.push([row]);
  }
  return groups.map((group) => rowOf(group, lengthMs));
}

function rowOf(group: readonly SlotRow[], lengthMs: number): TimelineRow {
  const [first] = group as [SlotRow];
  const busyMs = sumOf(group.map(({ busy }) => busy.values), 1 / group.length);
  const failed = group.flatMap(({ failedBusy }) => failedBusy ? [failedBusy.values] : []);
  const allMs = group.reduce((sum, row) => sum + row.busyMs, 0);
  return {
    node: first.node,
    label: labelOf(group),
    numbers: group.map(({ number }) => number),
    jobs: group.reduce((sum, { jobs }) => sum + jobs, 0),
    failed: group.reduce((sum, { failed }) => sum + failed, 0),
    busyMs,
    busyPart: lengthMs > 0 ? Math.min(1, allMs / group.length / lengthMs) : 0,
    failedMs: failed.length > 0 ? sumOf(failed, 1 / group.length) : undefined,
  };
}

function labelOf(group: readonly SlotRow[]): string {
  const [first, last] = [group[0] as SlotRow, group.at(-1) as SlotRow];
  if (first === last) return `${first.node} ${first.slot}`;
  return first.node === last.node
    ? `${first.node} ${first.slot}–${last.slot}`
    : `${first.node} ${first.slot} – ${last.node} ${last.slot}`;
}

function sumOf(all: readonly Float64Array[], factor: number): Float64Array {
  const [first] = all as [Float64Array];
  return first.map((_, bin) =>
    factor * all.reduce((sum, values) => sum + (values[bin] as number), 0)
  );
}
