/** Writes to stdout, whose terminal or reader may be gone. */

import process from "node:process";
import { fittedLines } from "./fitted_lines.ts";

let hasErrorHandler = false;

/** Writes text. If nobody can read it any more, the process goes on all the same. */
export function writeStdout(text: string): void {
  if (!hasErrorHandler) process.stdout.on("error", () => {});
  hasErrorHandler = true;
  try {
    process.stdout.write(text);
  } catch {
    // A terminal that has hung up fails with EIO.
  }
}

/** Writes lines for people: on a terminal, figures that do not fit into a line are continued below. */
export function writeLines(lines: readonly string[]): void {
  const columns = process.stdout.columns || Infinity;
  writeStdout(`${fittedLines(lines, columns).join("\n")}\n`);
}

/** Writes a long text. Resolves when the system has all of it, or nobody reads any more: this process may end then. */
export function writeAllStdout(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.on("error", () => resolve());
    process.stdout.write(text, () => resolve());
  });
}
