/** The command that resumes a run that has ended early. */

import { basename } from "node:path";
import process from "node:process";
import type { Runtime } from "../runtime/ports.ts";

/** Arguments that a shell takes as they are. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/** A line with the command, which is the one that was typed. */
export function resumeHint(
  args: readonly string[],
  stdin: "list" | "lines" | undefined,
  program = "distcomp",
): string {
  const command = [program, ...withoutFresh(args)].map(quoted).join(" ");
  return stdin ? `to resume, with the same ${stdin} on stdin: ${command}` : `to resume: ${command}`;
}

/** The name by which an executable was called; a program that runs from its sources is just `distcomp`. */
export function programName(runtime: Runtime): string {
  const { argv0, execPath } = process;
  const isExecutable = runtime.selfCommand().length === 1;
  return isExecutable && basename(argv0) === basename(execPath) ? argv0 : "distcomp";
}

/** With `--fresh` the command would start over. After `--` it is the name of a file. */
function withoutFresh(args: readonly string[]): string[] {
  const end = args.indexOf("--");
  return args.filter((arg, index) => arg !== "--fresh" || (end >= 0 && index > end));
}

/** The argument as it is typed in a POSIX shell: in single quotes, which leave everything else alone. */
function quoted(arg: string): string {
  return PLAIN.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`;
}
