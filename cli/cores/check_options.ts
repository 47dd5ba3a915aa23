/** The options of `distcomp check`: their names, help texts and values. */

import type { Command } from "commander";
import type { Notes } from "../options/help_notes.ts";
import { parseTimeout } from "../options/option_values.ts";

/** The parsed values of the options. */
export interface CheckFlags {
  readonly timeout?: number;
  readonly json?: boolean;
}

/** Adds the options to the parser and the help. */
export function addCheckOptions(command: Command): Command {
  return command
    .argument("<core>", "the compute core, a shared library")
    .argument("[input...]", "inputs, files; a few built-in ones if there are none")
    .option(
      "--timeout <time>",
      "how long loading the core, or a job, may take (default: 60s)",
      parseTimeout,
    )
    .option("--json", "print the findings as one JSON object on stdout")
    .helpOption("-h, --help", "show this help");
}

/** Below the options. */
export const CHECK_NOTES: Notes = {
  examples: `
Examples:
  distcomp check core.so                 with built-in inputs
  distcomp check core.so inputs/a.txt    with a real one, which shows more`,
  paragraphs: [
    "Each trial runs in a process of its own, in which it loads the core and runs one job or many: " +
    "a core that crashes or hangs does not end the check. Exit status: 0 nothing failed, 1 something failed, 2 wrong usage.",
  ],
};
