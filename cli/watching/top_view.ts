/** What a user of `distcomp top` has chosen to see. */

/** The size of a terminal. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** What the user has chosen, and whether the snapshot is an old one. */
export interface TopView {
  /** The first worker that is shown. */
  readonly scroll: number;
  readonly isPaused: boolean;
  /** Why the snapshot is an old one, if it is. */
  readonly problem?: string | undefined;
}
