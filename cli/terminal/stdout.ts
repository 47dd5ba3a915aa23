/** Writes to stdout, whose terminal or reader may be gone, and whose disk may be full. */

import process from "node:process";
import { codeOf, reasonOf } from "../../runtime/error_text.ts";
import { fs } from "../../runtime/late_modules.ts";
import { printError } from "./log.ts";

const STDOUT = 1;

let hasErrorHandler = false;
let unwritten = 0;
/** Set once a write has failed: nobody reads, or a part is lost. No more is written, which would follow a gap. */
let failure: "unread" | "lost" | undefined;
let whenWritten: (() => void) | undefined;

/** Writes text or bytes. If that fails, the process goes on, and `endOfStdout` tells it at its end. */
export function writeStdout(text: string | Uint8Array): void {
  if (failure) return;
  if (!hasErrorHandler) process.stdout.on("error", () => {}); // the callback gets the error too
  hasErrorHandler = true;
  unwritten += 1;
  try {
    process.stdout.write(text, onWritten);
  } catch (error) {
    onWritten(error); // Deno throws the errors of files, and does not call back
  }
}

/** Resolves when the system has all of it, or it is lost. A process may end only then. */
export async function endOfStdout(): Promise<{ readonly isLost: boolean }> {
  if (unwritten > 0 && !failure) await new Promise<void>((resolve) => whenWritten = resolve);
  return { isLost: failure === "lost" };
}

function onWritten(error?: unknown): void {
  unwritten -= 1;
  if (error && !failure) {
    failure = isUnread(codeOf(error)) ? "unread" : "lost";
    if (failure === "lost") printError(`Cannot write to stdout: ${reasonOf(error)}`);
  }
  if (unwritten === 0 || failure) whenWritten?.();
}

/** Nobody reads any more: the reader of a pipe has ended, or the terminal has hung up. A disk may fail with EIO too. */
function isUnread(code: string): boolean {
  return code === "EPIPE" || (code === "EIO" && !fs().fstatSync(STDOUT).isFile());
}
