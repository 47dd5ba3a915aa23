/** Lines of figures that fit into a terminal. */

/** What stands between two figures, and between two parts of one. */
const BETWEEN = " · ";
const WITHIN = ", ";

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
    const isLong = (at === 0 ? "" : indent).length + figure.length > columns;
    const [first = "", ...others] = isLong ? figure.split(WITHIN) : [figure];
    return [[between, first], ...others.map((other) => [WITHIN, other])] as [string, string][];
  });
  const rows: string[] = [];
  let row = "";
  for (const [between, part] of parts) {
    const longer = row + between + part;
    const isFull = between !== "" && longer.length > columns;
    if (isFull) rows.push(between === WITHIN ? `${row},` : row);
    row = isFull ? indent + part : longer;
  }
  return [...rows, row];
}
