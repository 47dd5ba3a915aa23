/** What `--verify` has found so far. */

/** The counts of one run. */
export interface VerifiedCounts {
  /** Jobs on whose output two workers agree. */
  readonly agreed: number;
  /** Jobs without two workers that agree. */
  readonly split: number;
  /** Outputs that differ from that of two other workers. */
  readonly outvoted: number;
}
