/** What closes a link though neither its peer nor the system is to blame. */

import { codeOf, toError } from "../runtime/error_text.ts";

/** The calls that its message names: enough to find the line, and few enough for one line of a log. */
const CALLS_MAX = 6;

/** What JavaScript itself throws, and this program where something is that cannot be. Errors of Node.js have a code. */
const BUGS = [TypeError, RangeError, ReferenceError];

/** What V8 and JavaScriptCore say where no memory is left, also in a RangeError. */
const LACKS_MEMORY = /allocation failed|^Out of memory/;

/** A bug of this program. Its message, which is all that logs have, says where it is: it may never happen again. */
class BugError extends Error {
  override name = "BugError";

  constructor(cause: Error) {
    const calls = (cause.stack ?? "").split("\n").map((line) => line.trim())
      .filter((line) => line.startsWith("at ")).slice(0, CALLS_MAX);
    const what = [`${cause.name}: ${cause.message}`, ...calls].join(" ");
    super(`this is a bug of distcomp, please report it: ${what}`, { cause });
  }
}

/** Anything that is thrown while a link reads, writes or delivers, as the reason why it is closed. */
export function reasonToClose(thrown: unknown): Error {
  const error = toError(thrown);
  if (error instanceof RangeError && LACKS_MEMORY.test(error.message)) {
    return new Error("this process has no memory left for it", { cause: error });
  }
  const isBug = BUGS.some((kind) => error instanceof kind) && codeOf(error) === "";
  return isBug ? new BugError(error) : error;
}
