/** An unexpected error that ended a run after it had begun, or that keeps it from going on. */

import { messageOf } from "../../runtime/error_text.ts";

/** The error, and how to resume the run. */
export class EndedRunError extends Error {
  override name = "EndedRunError";

  constructor(error: unknown, readonly resumeHint: string) {
    super(messageOf(error), { cause: error });
    if (error instanceof Error && error.stack) this.stack = error.stack;
  }
}
