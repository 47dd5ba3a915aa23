/** A worker cannot be asked what it is doing. */

/** Its message is a sentence about that worker, and why. */
export class WorkerSilentError extends Error {
  override name = "WorkerSilentError";
}
