/** Tables of two columns, for messages. */

import { printable } from "../../system/format.ts";
import { padded, widthOf } from "./terminal_text.ts";

/** The widest first column. A longer text in it pushes its second column to the right. */
const COLUMNS_MAX = 40;

/** A line for each row, indented, with the second column below each other. */
export function tableLines(rows: readonly (readonly [string, string])[]): string[] {
  const cells = rows.map(([one, other]) => [printable(one), printable(other)] as const);
  const width = Math.min(COLUMNS_MAX, Math.max(0, ...cells.map(([one]) => widthOf(one))));
  return cells.map(([one, other]) => `  ${padded(one, width)}  ${other}`);
}
