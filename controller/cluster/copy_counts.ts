/** What has become of the second copies of stragglers so far. */

/** The counts of one run. */
export interface CopyCounts {
  /** Copies that were queued for idle slots. */
  readonly started: number;
  /** Copies that have ended their job: the first try was still running, or had not begun. */
  readonly won: number;
  /** Slots that run a job which another slot runs as well. */
  readonly running: number;
}
