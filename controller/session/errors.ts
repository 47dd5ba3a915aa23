/** The errors of a session's jobs. */

import type { FailureKindName } from "../../protocol/mod.ts";

/** How a job has failed. */
export interface JobFailure {
  /** The kind of failure: `exit` if the core returned an exit code other than 0. */
  readonly kind: FailureKindName | "exit";
  /** How often the job was tried. */
  readonly attempts: number;
  /** The workers on which it has failed. */
  readonly workers: readonly string[];
  /** The exit code, if the core returned one. */
  readonly exitCode?: number | undefined;
  /** The output that the core returned with its exit code. */
  readonly output?: Uint8Array<ArrayBuffer> | undefined;
  /** What the job printed last. */
  readonly lastLines?: readonly string[] | undefined;
}

/** A job has failed. */
export class JobError extends Error {
  /** The name of this class of errors. */
  override name = "JobError";
  /** The kind of failure: `exit` if the core returned an exit code other than 0. */
  readonly kind: FailureKindName | "exit";
  /** How often the job was tried. */
  readonly attempts: number;
  /** The workers on which it has failed. */
  readonly workers: readonly string[];
  /** The exit code, if the core returned one. */
  readonly exitCode: number | undefined;
  /**
   * The output that the core returned with its exit code; otherwise empty. If outputs of more than 64 MiB have
   * waited for other workers to try their jobs, too, only its first 4 KiB.
   */
  readonly output: Uint8Array<ArrayBuffer>;
  /** What the job printed last: about 20 lines. */
  readonly lastLines: readonly string[];

  /** The error for a job that has failed for the reason `message`. */
  constructor(message: string, failure: JobFailure) {
    super(message);
    this.kind = failure.kind;
    this.attempts = failure.attempts;
    this.workers = failure.workers;
    this.exitCode = failure.exitCode;
    this.output = failure.output ?? new Uint8Array(0);
    this.lastLines = failure.lastLines ?? [];
  }
}

/** A session was closed before the job had ended, or before it was given to the session. */
export class SessionClosedError extends Error {
  /** The name of this class of errors. */
  override name = "SessionClosedError";

  /** The error for all jobs of a session. */
  constructor() {
    super("The session is closed");
  }
}
