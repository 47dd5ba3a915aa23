/** What a page says of a report itself. */

export interface About {
  /** The outputs that the report is about: the name of a folder or a pack. */
  readonly outputs: string;
  /** When it was made, since 1970. */
  readonly madeAt: number;
  readonly version: string;
  /** Whether a run still writes to the journal. */
  readonly isGoingOn: boolean;
  /** How many jobs the last run had to run, if it was killed and that is known. */
  readonly toRun?: number | undefined;
}
