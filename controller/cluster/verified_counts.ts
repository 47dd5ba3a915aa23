/** What `--verify` has found so far. */

/** The counts of one run. */
export interface VerifiedCounts {
  /** Jobs on whose output two workers agree. */
  readonly agreed: number;
  /** Jobs without two workers that agree. */
  readonly split: number;
  /** Outputs that differ from that of two other workers. */
  readonly outvoted: number;
  /** The workers that gave these outputs. */
  readonly wrongWorkers: readonly WrongWorker[];
}

/** A worker that gave wrong outputs. */
export interface WrongWorker {
  /** What messages call it. */
  readonly worker: string;
  /** The names of its node in the journal: it may have got another one when it came back. */
  readonly nodes: readonly string[];
  /** Outputs that differ from that of two other workers. */
  readonly outvoted: number;
  /** Outputs of jobs that are not verified: they were accepted, and may be wrong, too. */
  readonly unverified: number;
}
