/** What goes wrong with a batch system. */

/** The batch system refuses, or is not there. */
export class BatchError extends Error {
  override name = "BatchError";
}

/** Workers have ended at once, again and again. */
export class FailingWorkersError extends BatchError {
  override name = "FailingWorkersError";

  /** `jobs`: their ids, the last one behind the others. */
  constructor(readonly jobs: readonly string[]) {
    super(
      `${jobs.length} workers in a row have ended at once; see ~/.cache/distcomp/jobs for the reasons`,
    );
  }
}
