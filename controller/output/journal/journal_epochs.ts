/**
 * Decides which records of a journal can be trusted. A line may be missing, because it is damaged or its run was
 * killed before writing it. If that line recorded a new output, an older record of the job is out of date.
 */

import type { RunEvent } from "./journal_record.ts";

/** Divides a journal into epochs while it is read. No line is missing within an epoch. */
export class JournalEpochs {
  #current = 0;
  #trustedFrom = 0;
  /** The epoch of a run that has begun and has not ended. */
  #begun: number | undefined;

  /** The epoch of the record that is being read. */
  get current(): number {
    return this.#current;
  }

  /** Whether a record still describes its output. Call it after the whole journal has been read. */
  isTrusted(epoch: number): boolean {
    return epoch >= this.#trustedFrom;
  }

  /** Whether a run has begun and not ended. */
  get isInRun(): boolean {
    return this.#begun !== undefined;
  }

  /** A run writes each output at most once, so a killed run affects only records from before its begin. */
  onRun(event: RunEvent): void {
    if (event === "ended") {
      this.#begun = undefined;
      return;
    }
    // Only one run at a time uses the journal: an earlier one that has not ended was killed.
    this.#distrustKilled();
    this.#current += 1;
    this.#begun = this.#current;
  }

  /** The journal has ended, and no run that reads it is in it. So one that has begun was killed, or is still writing. */
  onEnd(): void {
    this.#distrustKilled();
  }

  /** A line cannot be used. It may have been of any run, so no earlier record is trusted. */
  onFlaw(): void {
    this.#current += 1;
    this.#trustedFrom = this.#current;
  }

  #distrustKilled(): void {
    if (this.#begun !== undefined) this.#trustedFrom = Math.max(this.#trustedFrom, this.#begun);
  }
}
