/** What a user of `distcomp top` has chosen to see. */

/** The size of a terminal. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** What the user has chosen, and what is known beside the snapshot. */
export interface TopView {
  /** The first worker that is shown. */
  readonly scroll: number;
  readonly isPaused: boolean;
  /** Jobs per second of each worker, by its address. */
  readonly rates: ReadonlyMap<string, number>;
  /** Why the snapshot is an old one, if it is. */
  readonly problem?: string | undefined;
}
