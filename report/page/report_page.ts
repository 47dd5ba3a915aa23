/** The page of a report: one file that needs no other and no network. */

import { contentPolicy, dataScript, Html, html, inlineScript, shown } from "../../page/html.ts";
import { UPLOT_SCRIPT, UPLOT_STYLE } from "../../page/uplot.ts";
import type { About } from "../about.ts";
import type { Report } from "../report.ts";
import { chartsOf } from "./chart_sections.ts";
import charts from "./charts.js" with { type: "text" };
import drawing from "./drawing.js" with { type: "text" };
import { overview } from "./overview.ts";
import style from "./style.css" with { type: "text" };
import timeline from "./timeline.js" with { type: "text" };
import {
  clockText,
  failureTable,
  largestTable,
  longestTable,
  nodeTable,
  runTable,
} from "./tables.ts";

/** The beginning of every report. A file that begins otherwise is not overwritten. */
export const REPORT_START = "<!doctype html>\n<!-- distcomp report -->\n";

/** In the order in which they run. */
const SCRIPTS = [UPLOT_SCRIPT, drawing, timeline, charts];

/** The page as text. */
export function reportPage(report: Report, about: About): string {
  const { sections, data } = chartsOf(report);
  const styles = UPLOT_STYLE + style;
  const page = html`
    <html lang="en">
      <head>
    <meta charset="utf-8">
    ${contentPolicy(SCRIPTS, [styles])}
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="generator" content=${`distcomp ${about.version}`}>
    <title>${shown(about.outputs)} – distcomp report</title>
    <style>${new Html(styles)}</style>
      </head>
      <body>
    ${overview(report, about)}
    <div class="charts">
    ${sections}
    </div>
    ${failureTable(report)}
    ${longestTable(report)}
    ${largestTable(report)}
    ${nodeTable(report)}
    ${runTable(report, about.isGoingOn)}
    <footer>Made by distcomp ${about.version} at ${clockText(about.madeAt)} UTC from the journal of
    ${shown(
      about.outputs,
    )}. Times in charts are those since the beginning of the first run, without what was
    between runs.</footer>
    ${dataScript("data", data)}
    ${SCRIPTS.map(inlineScript)}
      </body>
    </html>
  `;
  return `${REPORT_START}${page.text.trim()}\n`;
}
