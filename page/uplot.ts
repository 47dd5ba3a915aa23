/** uPlot, which draws the charts of pages, as text: a page works without any other file and without a network. */

import script from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import style from "uplot/dist/uPlot.min.css" with { type: "text" };

/** Defines `uPlot` where it is a classic script. */
export const UPLOT_SCRIPT: string = script;

/** What its charts need of CSS. */
export const UPLOT_STYLE: string = style;
