/** The command that resumes a run that has ended early. */

import { basename } from "node:path";
import process from "node:process";
import type { Runtime } from "../../runtime/ports.ts";
import { shellWord } from "../../system/shell_word.ts";

/** A line with the command to resume the run, which is the command that was typed, without `--fresh`. */
export function resumeHint(
  args: readonly string[],
  stdin: "list" | "lines" | "tar" | undefined,
  program = "distcomp",
): string {
  const command = [program, ...withoutFresh(args)].map(shellWord).join(" ");
  return stdin ? `to resume, with the same ${stdin} on stdin: ${command}` : `to resume: ${command}`;
}

/** The command that was typed. */
export function shownCommand(args: readonly string[]): string {
  return ["distcomp", ...args].map(shellWord).join(" ");
}

/** The name by which the executable was called; `distcomp` for a program that runs from its sources. */
export function programName(runtime: Runtime): string {
  const { argv0, execPath } = process;
  const isExecutable = runtime.selfCommand().length === 1;
  return isExecutable && basename(argv0) === basename(execPath) ? argv0 : "distcomp";
}

/** Removes `--fresh`, which would start over. After `--`, `--fresh` is the name of a file and stays. */
function withoutFresh(args: readonly string[]): string[] {
  const end = args.indexOf("--");
  return args.filter((arg, index) => arg !== "--fresh" || (end >= 0 && index > end));
}
