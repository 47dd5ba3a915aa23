/** The options of `distcomp bench`: their names, help texts and values. */

import type { Command } from "commander";
import { withVariable } from "../options/core_variables.ts";
import type { Notes } from "../options/help_notes.ts";
import { parseSlots, parseTime } from "../options/option_values.ts";
import { parseWorkers } from "../options/worker_list.ts";

/** The parsed values of the options. */
export interface BenchFlags {
  readonly workers?: string;
  readonly key?: string;
  readonly insecure?: boolean;
  readonly slots?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: readonly string[];
  readonly time?: number;
  readonly json?: boolean;
}

/** Adds the options to the parser and the help. */
export function addBenchOptions(command: Command): Command {
  return command
    .argument("<core>", "the compute core, a shared library")
    .argument("[input]", "an input, a file; 64 zero bytes if there is none")
    .option(
      "-w, --workers <list>",
      "HOST:PORT,… or @FILE; repeatable (default: DISTCOMP_WORKERS, or this machine)",
      parseWorkers,
    )
    .option("--key <file>", "the key (default: DISTCOMP_KEY, or ~/.config/distcomp/key)")
    .option("--insecure", "use every worker that answers, without a key")
    .option("--slots <n>", "jobs at once on this machine (default: one per CPU)", parseSlots)
    .option(
      "--env <name[=value]>",
      "set a variable for the core; without a value, the one here; repeatable",
      (text, variables: Readonly<Record<string, string>> = {}) => withVariable(text, variables),
    )
    .option(
      "--with <file|dir>",
      "put a file or folder beside the core; repeatable",
      (file, files: readonly string[] = []) => [...files, file],
    )
    .option("--time <time>", "how long to measure each worker (default: 3s)", parseTime)
    .option("--json", "print the figures as one JSON object on stdout")
    .helpOption("-h, --help", "show this help");
}

/** Below the options. */
export const BENCH_NOTES: Notes = {
  examples: `
Examples:
  distcomp bench core.so inputs/a.txt         on this machine
  distcomp bench core.so inputs/a.txt -w a,b  on two workers, in turn`,
  paragraphs: [
    "Each worker runs the same job again and again: alone, then as many at once as it can. Inputs and " +
    "outputs stay in memory, so no disk is measured. The time in the core is what the worker's slots have measured.",
    "Exit status: 0 all workers were measured, 1 some were not or the job fails, 2 wrong usage, 3 no " +
    "usable worker.",
  ],
};
