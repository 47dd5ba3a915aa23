/** What ends a run before its jobs have ended. */

/** No worker is left that could run the jobs. */
export class NoWorkerError extends Error {
  /** The name of this class of errors. */
  override name = "NoWorkerError";

  /** `reasons` has one for each worker that was tried. */
  constructor(readonly reasons: readonly string[]) {
    super(`No worker can be used: ${reasons.join("; ")}`);
  }
}

/** Somebody has asked the run to stop. */
export class InterruptedError extends Error {
  override name = "InterruptedError";

  constructor() {
    super("Interrupted");
  }
}
