/** Lines of figures that fit into a terminal. */

import process from "node:process";
import { writeStdout } from "./stdout.ts";
import { widthOf } from "./terminal_text.ts";

/** What stands between two figures, and between two parts of one. */
const BETWEEN = " · ";
const WITHIN = ", ";

/** Writes lines for people: on a terminal, figures that do not fit into a line are continued below. */
export function writeLines(lines: readonly string[]): void {
  const columns = process.stdout.columns || Infinity;
  writeStdout(`${fittedLines(lines, columns).join("\n")}\n`);
}

/** The lines, of which those that are too long go on below, indented: after a figure, and not within a word. */
export function fittedLines(lines: readonly string[], columns: number): string[] {
  return lines.flatMap((line) => rowsOf(line, columns));
}

function rowsOf(line: string, columns: number): string[] {
  const indent = " ".repeat(line.search(/[^ ]|$/) + 2);
  const figures = line.split(BETWEEN);
  const parts = figures.flatMap((figure, at) => {
    const between = at === 0 ? "" : BETWEEN;
    // Only a figure that does not fit into a row of its own is cut.
    const isLong = widthOf((at === 0 ? "" : indent) + figure) > columns;
    const [first = "", ...others] = isLong ? figure.split(WITHIN) : [figure];
    return [[between, first], ...others.map((other) => [WITHIN, other])] as [string, string][];
  });
  const rows: string[] = [];
  let row = "";
  for (const [at, [between, part]] of parts.entries()) {
    const longer = row + between + part;
    const needed = parts[at + 1]?.[0] === WITHIN ? `${longer},` : longer; // the row may end behind its comma
    const isFull = between !== "" && widthOf(needed) > columns;
    if (isFull) rows.push(between === WITHIN ? `${row},` : row);
    row = isFull ? indent + part : longer;
  }
  return [...rows, row];
}
