/** The arguments and options of `distcomp exec`. */

import type { Command } from "commander";

/** The parsed values of the options. */
export interface ExecFlags {
  readonly output?: string;
}

/** Adds the arguments and options to the parser and the help. */
export function addExecOptions(command: Command): Command {
  return command
    .argument("<core>", "compute core, a shared library")
    .argument("<input>", "file with the input; - reads stdin")
    .option("-o, --output <file>", "file for the output (default: stdout)")
    .helpOption("-h, --help", "show this help");
}
