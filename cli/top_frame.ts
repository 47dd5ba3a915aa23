/** What the screens of `distcomp top` have in common: their sizes, titles and last line. */

import { printable } from "./format.ts";
import { fitted, type Piece, styledLine } from "./terminal_text.ts";
import type { ScreenSize, TopView } from "./top_view.ts";

/** The line above a section. */
export function titleLine(title: string, columns: number): Piece[] {
  return [[fitted(title, columns), "inverse"]];
}

/** The lines with their styles, and the last one with the keys: at most `rows`, each at most `columns` wide. */
export function framed(
  lines: readonly (readonly Piece[])[],
  foot: readonly Piece[],
  { columns, rows }: ScreenSize,
): string[] {
  const shown = lines.slice(0, rows - 1).map((line) => styledLine(line, columns));
  while (shown.length < rows - 1) shown.push("");
  return [...shown, styledLine(foot, columns)].slice(-rows);
}

/** The keys, or why what is shown is old. */
export function footLine({ isPaused, problem }: TopView, canScroll: boolean): Piece[] {
  if (problem !== undefined) return [[printable(problem), "red"]];
  const scroll = canScroll ? "  ↑↓ g G scroll" : "";
  return [[`q leave${scroll}  space ${isPaused ? "resume" : "freeze"}`, "dim"]];
}
