/** What a run tells of the lines that its jobs print. */

/** Lines that a job has printed, or its core while no job ran: then `name` is undefined. */
export interface PrintedByJob {
  readonly name: string | undefined;
  readonly attempt: number;
  readonly lines: readonly string[];
  /** Lines before these that were left out, because there were too many. */
  readonly leftOut: number;
}
