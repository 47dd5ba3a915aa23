/** Text for a terminal's screen: lines of pieces with styles, which are cut to the width that they take there. */

import process from "node:process";
import { styleText } from "node:util";
import stringWidth from "string-width";

/** The styles that are used. */
export type Style = "bold" | "dim" | "red" | "yellow" | "green" | "inverse";

/** A piece of a line. Its text is printable. */
export type Piece = readonly [text: string, style?: Style];

/** What stands for what was cut off: one column. */
const ELLIPSIS = "…";

/** Each of its characters takes one column. */
const PLAIN = /^[ -~]*$/;

const GRAPHEMES = new Intl.Segmenter();

/** The columns that a text takes. Characters of East Asia and emoji take two. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

/** The text in exactly `columns` columns: cut, or with spaces at its end. */
export function fitted(text: string, columns: number): string {
  return padded(cutTo(text, columns), columns);
}

/** The text in at least `columns` columns, with spaces at its end. */
export function padded(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - widthOf(text)));
}

/** The text in exactly `columns` columns, at their right end. */
export function fittedRight(text: string, columns: number): string {
  const cut = cutTo(text, columns);
  return " ".repeat(Math.max(0, columns - widthOf(cut))) + cut;
}

/** The text in at most `columns` columns. What is one character to people is not cut in two. */
function cutTo(text: string, columns: number): string {
  if (columns <= 0) return "";
  if (text.length <= columns && PLAIN.test(text) || widthOf(text) <= columns) return text;
  let cut = "";
  let left = columns - 1;
  for (const { segment } of GRAPHEMES.segment(text)) {
    left -= widthOf(segment);
    if (left < 0) break;
    cut += segment;
  }
  return cut + ELLIPSIS;
}

/** The text in at most `columns` columns, cut in its middle: names often differ at their ends. */
export function cutInMiddle(text: string, columns: number): string {
  if (columns < 3 || widthOf(text) <= columns) return cutTo(text, columns);
  const characters = [...GRAPHEMES.segment(text)].map(({ segment }) => segment);
  const end = beginOf(characters.toReversed(), Math.floor((columns - 1) / 2)).reverse();
  const begin = beginOf(characters, columns - 1 - widthOf(end.join("")));
  return begin.join("") + ELLIPSIS + end.join("");
}

/** The first characters, as many as fit. */
function beginOf(characters: readonly string[], columns: number): string[] {
  let left = columns;
  const end = characters.findIndex((character) => (left -= widthOf(character)) < 0);
  return characters.slice(0, end < 0 ? characters.length : end);
}

/** The pieces in at most `columns` columns. */
export function cutLine(pieces: readonly Piece[], columns: number): Piece[] {
  let left = columns;
  const cut: Piece[] = [];
  for (const [text, style] of pieces) {
    const shown = cutTo(text, left);
    left -= widthOf(shown);
    cut.push(style ? [shown, style] : [shown]);
    if (left <= 0) break;
  }
  return cut;
}

/** The pieces up to the last one that fits whole. The first one is always there, and may be cut later. */
export function wholePieces(pieces: readonly Piece[], columns: number): Piece[] {
  let left = columns;
  const end = pieces.findIndex(([text], index) => (left -= widthOf(text)) < 0 && index > 0);
  return pieces.slice(0, end < 0 ? pieces.length : end);
}

/** A line with its styles, if stdout shows any. */
export function styledLine(pieces: readonly Piece[]): string {
  const stream = process.stdout;
  return pieces.map(([text, style]) =>
    style && text !== "" ? styleText(style, text, { stream }) : text
  ).join("");
}
