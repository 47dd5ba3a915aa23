/** What the screens of `distcomp top` have in common: their sizes, titles and last line. */

import { printable } from "../../system/format.ts";
import { cutLine, fitted, type Piece } from "../terminal/terminal_text.ts";
import type { ScreenSize, TopView } from "./top_view.ts";

/** A line of the screen. */
export type Line = readonly Piece[];

/** The line above a section. */
export function titleLine(title: string, columns: number): Piece[] {
  return [[fitted(title, columns), "inverse"]];
}

/** The lines, and the last one with the keys: as many as there are rows, and as wide as the screen. */
export function framed(
  lines: readonly Line[],
  foot: Line,
  { columns, rows }: ScreenSize,
): Line[] {
  const shown = lines.slice(0, rows - 1);
  while (shown.length < rows - 1) shown.push([]);
  return [...shown, foot].slice(-rows).map((line) => cutLine(line, columns));
}

/** The keys, or why what is shown is old. */
export function footLine({ isPaused, problem }: TopView, canScroll: boolean): Piece[] {
  if (problem !== undefined) return [[printable(problem), "red"]];
  const scroll = canScroll ? "  ↑↓ g G scroll" : "";
  return [[`q leave${scroll}  space ${isPaused ? "resume" : "freeze"}`, "dim"]];
}
