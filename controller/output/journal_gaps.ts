/**
 * What a journal does not say: an output may have been replaced, by another core's or from other inputs, and
 * the line of that is damaged, or the run was killed before it wrote it. Then an older record speaks of an
 * output that is not there any more.
 */

import type { RunEvent } from "./journal_record.ts";

/** Finds out which records may be out of date without our seeing it. */
export class JournalGaps {
  /** Where the reader is, in stretches of the journal with nothing uncertain in them. */
  #stretch = 0;
  /** Records of earlier stretches may be out of date. */
  #certainFrom = 0;
  /** The stretch that a run has begun which has not ended so far. */
  #begun: number | undefined;

  /** Where a record is that comes now. */
  get stretch(): number {
    return this.#stretch;
  }

  /** Whether a record's output is surely the one that it was; to be asked when all is read. */
  isCertain(stretch: number): boolean {
    return stretch >= this.#certainFrom;
  }

  /** A run replaces no output twice: what is uncertain are the records that were there when it began. */
  onRun(event: RunEvent): void {
    if (event === "ended") {
      this.#begun = undefined;
      return;
    }
    // At most one runs at a time: the one before was killed. The last one that begins is our own.
    if (this.#begun !== undefined) this.#certainFrom = Math.max(this.#certainFrom, this.#begun);
    this.#stretch += 1;
    this.#begun = this.#stretch;
  }

  /** Lines of any runs may have been here. */
  onFlaw(): void {
    this.#stretch += 1;
    this.#certainFrom = this.#stretch;
  }
}
