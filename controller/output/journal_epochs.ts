/**
 * Which records of a journal can be trusted. A line that is missing, because it is damaged or because its run
 * was killed before it wrote it, may have said that an output was replaced. Then an older record describes an
 * output that is no longer there.
 */

import type { RunEvent } from "./journal_record.ts";

/** Follows a journal from its beginning to its end. Nothing is missing within an epoch. */
export class JournalEpochs {
  #current = 0;
  #trustedFrom = 0;
  /** The epoch of a run that has begun and has not ended. */
  #begun: number | undefined;

  /** The epoch of the record that is being read. */
  get current(): number {
    return this.#current;
  }

  /** Whether a record still describes its output; to be asked when the whole journal has been read. */
  isTrusted(epoch: number): boolean {
    return epoch >= this.#trustedFrom;
  }

  /** A run replaces no output twice, so that a killed run affects only records from before its begin. */
  onRun(event: RunEvent): void {
    if (event === "ended") {
      this.#begun = undefined;
      return;
    }
    // Only one run at a time: if another one has begun and not ended, it was killed.
    if (this.#begun !== undefined) this.#trustedFrom = Math.max(this.#trustedFrom, this.#begun);
    this.#current += 1;
    this.#begun = this.#current;
  }

  /** Lines of any run may have been here. */
  onFlaw(): void {
    this.#current += 1;
    this.#trustedFrom = this.#current;
  }
}
