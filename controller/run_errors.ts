/** Errors that end a run before its jobs have finished. */

import { groupedReasons } from "../system/grouped_reasons.ts";

/** No worker can be used. */
export class NoWorkerError extends Error {
  /** The name of this class of errors. */
  override name = "NoWorkerError";

  /** `reasons` has one sentence for each worker that was tried. */
  constructor(readonly reasons: readonly string[]) {
    super(`No worker can be used: ${groupedReasons(reasons).join("; ")}`);
  }
}

/** The user has interrupted the run. */
export class InterruptedError extends Error {
  override name = "InterruptedError";

  constructor() {
    super("Interrupted");
  }
}

/** The time that the run was given is over. */
export class TimeLimitError extends Error {
  override name = "TimeLimitError";

  constructor(readonly limitMs: number) {
    super("The time limit is reached");
  }
}
