/** Bars and lines of blocks, for a terminal. */

import type { Throughput } from "../../watch/snapshot.ts";

const HEIGHTS = "▁▂▃▄▅▆▇█";

/** A bar of `columns` columns. */
export function usageBar(part: number, columns: number): string {
  const filled = Math.round(Math.max(0, Math.min(1, part)) * columns);
  return "█".repeat(filled) + "░".repeat(columns - filled);
}

/** The jobs of the last intervals that are over, as many as fit into `columns`, the highest one as high as a line. */
export function sparkline({ done, failed }: Throughput, columns: number): string {
  if (columns <= 0) return "";
  const ended = done.map((jobs, index) => jobs + (failed[index] ?? 0)).slice(0, -1).slice(-columns);
  const most = Math.max(1, ...ended);
  return ended
    .map((jobs) => jobs === 0 ? " " : HEIGHTS[Math.ceil(HEIGHTS.length * jobs / most) - 1] ?? " ")
    .join("");
}
