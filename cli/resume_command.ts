/** What to type to go on with a run that has ended early. */

import { basename } from "node:path";
import process from "node:process";
import type { Runtime } from "../runtime/ports.ts";

/** What a shell takes as it is. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/** A sentence with the command, which is what was typed. */
export function toGoOn(
  args: readonly string[],
  inputsOnStdin: "list" | "lines" | undefined,
  program = "distcomp",
): string {
  const command = [program, ...withoutFresh(args)].map(quoted).join(" ");
  return inputsOnStdin
    ? `to go on, with the same ${inputsOnStdin} on stdin: ${command}`
    : `to go on: ${command}`;
}

/** What an executable was called as; from its source the program has many names. */
export function programName(runtime: Runtime): string {
  const { argv0, execPath } = process;
  const isExecutable = runtime.selfCommand().length === 1;
  return isExecutable && basename(argv0) === basename(execPath) ? argv0 : "distcomp";
}

/** Typed again, `--fresh` would begin once more from nothing. Behind `--` it is a file. */
function withoutFresh(args: readonly string[]): string[] {
  const end = args.indexOf("--");
  return args.filter((arg, index) => arg !== "--fresh" || (end >= 0 && index > end));
}

/** As a shell understands it. */
function quoted(arg: string): string {
  return PLAIN.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`;
}
