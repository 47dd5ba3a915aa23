/** The options of `distcomp report`: their names and help texts. */

import type { Command } from "commander";
import type { Notes } from "../options/help_notes.ts";

/** The parsed values of the options. */
export interface ReportFlags {
  readonly output?: string;
}

/** Adds the options to the parser and the help. */
export function addReportOptions(command: Command): Command {
  return command
    .argument("<outputs>", "the output folder of a run, or its pack")
    .option("-o, --output <file>", "the page; - is stdout (default: NAME.report.html here)")
    .helpOption("-h, --help", "show this help");
}

/** Below the options. */
export const REPORT_NOTES: Notes = {
  examples: `
Examples:
  distcomp report outputs/             writes outputs.report.html
  distcomp report results.tar -o r.html
  ssh head distcomp report outputs/ -o - > r.html`,
  paragraphs: [
    "The page is one file, and needs no other file and no network. It is made from the journal alone, " +
    "even during the run. Journals of builds before 0.1.0 say less.",
    "It replaces an earlier report, but no other file.",
  ],
};
