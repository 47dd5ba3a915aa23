/** The command that resumes a run that has ended early. */

import { basename } from "node:path";
import process from "node:process";
import { bytesOfName, isUtf8Name } from "../../runtime/files/file_name.ts";
import type { Runtime } from "../../runtime/ports.ts";

/** Arguments that need no quotes in a shell. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/** A line with the command to resume the run, which is the command that was typed, without `--fresh`. */
export function resumeHint(
  args: readonly string[],
  stdin: "list" | "lines" | "tar" | undefined,
  program = "distcomp",
): string {
  const command = [program, ...withoutFresh(args)].map(quoted).join(" ");
  return stdin ? `to resume, with the same ${stdin} on stdin: ${command}` : `to resume: ${command}`;
}

/** The command that was typed. */
export function shownCommand(args: readonly string[]): string {
  return ["distcomp", ...args].map(quoted).join(" ");
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

/** The argument quoted for a POSIX shell; if it is not UTF-8, for one that knows `$'\\xe9'`, as most do. */
function quoted(arg: string): string {
  if (!isUtf8Name(arg)) return `$'${[...bytesOfName(arg)].map(quotedByte).join("")}'`;
  return PLAIN.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`;
}

/** A byte within `$'…'`, in three octal digits: the end of a hex number is not clear to every shell. */
function quotedByte(byte: number): string {
  const character = String.fromCharCode(byte);
  return PLAIN.test(character) ? character : `\\${byte.toString(8).padStart(3, "0")}`;
}
