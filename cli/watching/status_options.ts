/** The options and the help of `distcomp status` and `distcomp top`. */

import type { Command } from "commander";
import type { Notes } from "../options/help_notes.ts";

/** What `distcomp status` was told. */
export interface StatusFlags {
  readonly json?: boolean;
  readonly key?: string;
  readonly insecure?: boolean;
}

/** Below the options of `distcomp status`. */
export const STATUS_NOTES: Notes = {
  examples: `
Examples:
  distcomp status                      the runs of this user on this machine
  distcomp status outputs              the run that writes or wrote to outputs/
  distcomp status node7:7433           a worker
  distcomp status outputs --json       for scripts`,
  paragraphs: [
    "Only the user who has started a run can ask it, on the same machine. A worker answers everyone " +
    "who has its key.",
    "Exit status: 0 shown, 2 there is nothing to show, 3 the worker cannot be reached.",
  ],
};

/** Below the options of `distcomp top`. */
export const TOP_NOTES: Notes = {
  examples: `
Examples:
  distcomp top                         the only run of this user on this machine
  distcomp top outputs                 the run that writes to outputs/
  distcomp top node7:7433              a worker`,
  paragraphs: [
    "Keys: q quits; up and down, or j and k, scroll the workers; g and G, or Home and End, go to " +
    "the first and the last; space freezes the screen and resumes it. The run continues, and does " +
    "not notice viewers.",
  ],
};

/** Adds the options of `distcomp status`. */
export function addStatusOptions(command: Command): Command {
  return command
    .argument("[target]", "an output folder, a pack, or a worker as HOST[:PORT]")
    .option("--json", "print JSON")
    .option("--key <file>", "the key for a worker (default: as for distcomp run)")
    .option("--insecure", "ask a worker that was started with --insecure")
    .helpOption("-h, --help", "show this help");
}

/** Adds those of `distcomp top`. */
export function addTopOptions(command: Command): Command {
  return command
    .argument("[target]", "an output folder, a pack, or a worker as HOST[:PORT]")
    .option("--key <file>", "the key for a worker (default: as for distcomp run)")
    .option("--insecure", "ask a worker that was started with --insecure")
    .helpOption("-h, --help", "show this help");
}
