/** The files of the page, imported as text, so that an executable contains them. */

import { UPLOT_SCRIPT, UPLOT_STYLE } from "../page/uplot.ts";
import badge from "./page/badge.js" with { type: "text" };
import charts from "./page/charts.js" with { type: "text" };
import format from "./page/format.js" with { type: "text" };
import icon from "./page/icon.svg" with { type: "text" };
import page from "./page/index.html" with { type: "text" };
import main from "./page/main.js" with { type: "text" };
import style from "./page/style.css" with { type: "text" };
import tables from "./page/tables.js" with { type: "text" };
import workers from "./page/workers.js" with { type: "text" };

/** A file. */
export interface Asset {
  readonly type: string;
  readonly text: string;
}

const SCRIPT = "text/javascript";
const STYLE = "text/css";

/** The files by their names in the page's folder; the page itself has none. */
export const ASSETS: ReadonlyMap<string, Asset> = new Map([
  ["", { type: "text/html", text: page }],
  ["main.js", { type: SCRIPT, text: main }],
  ["badge.js", { type: SCRIPT, text: badge }],
  ["charts.js", { type: SCRIPT, text: charts }],
  ["format.js", { type: SCRIPT, text: format }],
  ["tables.js", { type: SCRIPT, text: tables }],
  ["workers.js", { type: SCRIPT, text: workers }],
  ["style.css", { type: STYLE, text: style }],
  ["icon.svg", { type: "image/svg+xml", text: icon }],
  ["uplot.js", { type: SCRIPT, text: UPLOT_SCRIPT }],
  ["uplot.css", { type: STYLE, text: UPLOT_STYLE }],
]);
