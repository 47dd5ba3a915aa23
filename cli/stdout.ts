/** Writes to stdout, whose terminal or reader may be gone. */

import process from "node:process";

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
