/** What to type to go on with a run that has ended early. */

/** What a shell takes as it is. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/** A sentence with the command, which is what was typed. */
export function toGoOn(
  args: readonly string[],
  inputsOnStdin: "list" | "lines" | undefined,
): string {
  const command = ["distcomp", ...withoutFresh(args)].map(quoted).join(" ");
  return inputsOnStdin
    ? `to go on, with the same ${inputsOnStdin} on stdin: ${command}`
    : `to go on: ${command}`;
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
