/** Counts the jobs of a run by their state. */

import { type FailureGroup, FailureGroups } from "./failure_groups.ts";

import { type MeasuredTimes, TimesMeter } from "./measured_times.ts";

/** The most failures that a run lists by name. All of them are in the journal. */
const FAILURES_NAMED_MAX = 20;

/**
 * Of how many jobs that failed in earlier runs the reasons are looked up in the journal: each is a read of the file, which
 * a run that has nothing else to do waits for.
 */
const REASONS_READ_MAX = 256;

/** A failed job and its reason, for the summary. */
export interface Failure {
  readonly name: string;
  readonly reason: string;
}

/** The numbers of jobs so far. */
export interface JobCounts {
  readonly done: number;
  readonly failed: number;
  /** Jobs among `done` that finished in an earlier run and were skipped. */
  readonly skippedDone: number;
  /** Jobs among `failed` that failed in an earlier run and were skipped. */
  readonly skippedFailed: number;
  /** Jobs among `failed` whose input could not be used. Every run tries them again. */
  readonly unread: number;
  /** Further jobs that will probably be skipped. */
  readonly skipsLeft: number;
  /** The total number of jobs, once it is known. */
  readonly total: number | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** The first failed jobs. */
  readonly failures: readonly Failure[];
  /** Failed jobs by reason, the most frequent first; not those of rare reasons, where there are many reasons. */
  readonly failureGroups: readonly FailureGroup[];
  /** What jobs of this run took; missing as long as none was measured. */
  readonly times?: MeasuredTimes | undefined;
}

/** The counts of one run. */
export class JobCounter {
  readonly #skipsExpected: number;
  readonly #failures: { name: string; reason: string }[] = [];
  readonly #groups = new FailureGroups();
  readonly #times = new TimesMeter();
  #added = 0;
  #hasAllInputs = false;
  #total: number | undefined;
  /** Jobs that need no worker: answered, skipped or unreadable. */
  #settled = 0;
  #done = 0;
  #failed = 0;
  #skippedDone = 0;
  #skippedFailed = 0;
  #unread = 0;
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(skipsExpected: number) {
    this.#skipsExpected = skipsExpected;
  }

  get counts(): JobCounts {
    return {
      done: this.#done,
      failed: this.#failed,
      skippedDone: this.#skippedDone,
      skippedFailed: this.#skippedFailed,
      unread: this.#unread,
      skipsLeft: this.#skipsLeft,
      total: this.#total,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      failures: this.#failures,
      failureGroups: this.#groups.all,
      times: this.#times.all,
    };
  }

  /** Jobs that failed in this run. */
  get failed(): number {
    return this.#failed - this.#skippedFailed;
  }

  /** Jobs that are done or failed in this run. */
  get finished(): number {
    return this.#done + this.#failed - this.#skippedDone - this.#skippedFailed;
  }

  /** Whether every job that was added is done or failed. */
  get areAllFinished(): boolean {
    return this.#done + this.#failed === this.#added;
  }

  /** Whether every input of the run has been read and is done or failed: none is left for a later run. */
  get isComplete(): boolean {
    return this.#hasAllInputs && this.#done + this.#failed === this.#total;
  }

  /** Whether a job waits for a worker's answer, or further jobs may come. */
  get needsWorkers(): boolean {
    return !this.#hasAllInputs || this.#settled < this.#added;
  }

  get #skipsLeft(): number {
    if (this.#hasAllInputs) return 0;
    return Math.max(0, this.#skipsExpected - this.#skippedDone - this.#skippedFailed);
  }

  onAdded(): void {
    this.#added += 1;
  }

  /** This many jobs are canceled. */
  onCanceled(jobs: number): void {
    this.#added -= jobs;
  }

  /** There are no more inputs. */
  onAllAdded(): void {
    this.#hasAllInputs = true;
    this.#total = this.#added;
  }

  /** The inputs were counted before all of them were read. */
  onCounted(total: number | undefined): void {
    this.#total ??= total;
  }

  onAnswered(bytesIn: number, bytesOut: number): void {
    this.#settled += 1;
    this.#bytesIn += bytesIn;
    this.#bytesOut += bytesOut;
  }

  /** A job was skipped. */
  onSkipped(): void {
    this.#settled += 1;
  }

  /** The input of a job cannot be used. It counts as failed besides. */
  onUnread(): void {
    this.#settled += 1;
    this.#unread += 1;
  }

  /** `measured`: what the job took, as far as that is known. */
  onDone(measured?: Parameters<TimesMeter["add"]>[0]): void {
    this.#done += 1;
    if (measured) this.#times.add(measured);
  }

  /** This many jobs are not done after all: their outputs could not be written. */
  onLost(jobs: number): void {
    this.#done -= jobs;
  }

  /** `shared`: the reason without nodes, if it names any. */
  onFailed(name: string, reason: string, shared = reason): void {
    this.#failed += 1;
    this.#name(name, reason);
    this.#groups.add(name, shared, reason);
  }

  onSkippedDone(): void {
    this.#done += 1;
    this.#skippedDone += 1;
  }

  /** Returns the failure if its reason is to be looked up. The caller then does so. */
  onSkippedFailed(name: string): { readonly name: string; reason: string } | undefined {
    this.#failed += 1;
    this.#skippedFailed += 1;
    const failure = this.#name(name, "");
    return this.#skippedFailed <= REASONS_READ_MAX ? failure : undefined;
  }

  /** The reason of a failure in an earlier run is known. */
  onReason(
    failure: { readonly name: string; reason: string },
    reason: string,
    shared = reason,
  ): void {
    failure.reason = reason;
    this.#groups.add(failure.name, shared, reason);
  }

  /** Lists it by name, if it is one of the first. */
  #name(name: string, reason: string): { readonly name: string; reason: string } {
    const failure = { name, reason };
    if (this.#failures.length < FAILURES_NAMED_MAX) this.#failures.push(failure);
    return failure;
  }
}
