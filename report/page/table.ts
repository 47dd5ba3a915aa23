/** A table of HTML. */

import { type Html, html, type HtmlValue } from "../../page/html.ts";

/** A column of a table with a row for each `T`. */
export interface Column<T> {
  readonly head: string;
  readonly isNumber?: boolean;
  /** Its texts may be long. */
  readonly isName?: boolean;
  /** Whether the number of a row is a bad one. */
  isBad?(row: T): boolean;
  cell(row: T): HtmlValue;
}

/** The table, which scrolls by itself where it is wider than the page. */
export function table<T>(rows: readonly T[], columns: readonly Column<T>[]): Html {
  const heads = columns.map(({ head, isNumber }) =>
    html`<th scope="col" class=${isNumber ? "number" : ""}>${head}</th>`
  );
  const body = rows.map((row) => html`<tr>${columns.map((column) => cellOf(row, column))}</tr>\n`);
  return html`
    <div class="scroll" tabindex="0">
      <table>
        <thead>
          <tr>${heads}</tr>
        </thead>
        <tbody>${body}</tbody>
      </table>
    </div>
  `;
}

/** The numbers of a chart, for those who cannot see it. */
export function chartTable<T>(rows: readonly T[], columns: readonly Column<T>[]): Html {
  return html`<details><summary>The numbers as a table</summary>${table(rows, columns)}</details>`;
}

function cellOf<T>(row: T, { isNumber, isName, isBad, cell }: Column<T>): Html {
  const classes = [isNumber && "number", isName && "name", isBad?.(row) && "bad"];
  return html`<td class=${classes.filter(Boolean).join(" ")}>${cell(row)}</td>`;
}
