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

  /** `reasons`: why no worker has joined, a sentence for each that was awaited; `undefined` if one has. */
  constructor(readonly limitMs: number, readonly reasons?: readonly string[]) {
    super(reasons ? `${REACHED}, and no worker has joined${listed(reasons)}` : REACHED);
  }
}

const REACHED = "The time limit is reached";

function listed(reasons: readonly string[]): string {
  return reasons.length > 0 ? `: ${groupedReasons(reasons).join("; ")}` : "";
}
