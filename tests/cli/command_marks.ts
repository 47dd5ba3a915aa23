/** What `command_lines.ts` and who starts it say to each other. */

/** Stands around the exit status of each command line. No command prints it. */
export const END = "\u001e";

/** A command line, and where it runs. */
export interface CommandLine {
  readonly args: readonly string[];
  readonly folder: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
}
