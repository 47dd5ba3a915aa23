/** Lines of figures that fit into a terminal. */

/** What stands between two figures. */
const BETWEEN = " · ";

/** The lines, of which those that are too long go on below, indented: after a figure, and not within a word. */
export function fittedLines(lines: readonly string[], columns: number): string[] {
  return lines.flatMap((line) => rowsOf(line, columns));
}

function rowsOf(line: string, columns: number): string[] {
  const [first = "", ...others] = line.split(BETWEEN);
  const indent = " ".repeat(line.search(/[^ ]|$/) + 2);
  const rows: string[] = [];
  let row = first;
  for (const figure of others) {
    const longer = row + BETWEEN + figure;
    const isFull = longer.length > columns;
    if (isFull) rows.push(row);
    row = isFull ? indent + figure : longer;
  }
  return [...rows, row];
}
