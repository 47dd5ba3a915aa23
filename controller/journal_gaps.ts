/**
 * What a journal does not say: a run may have replaced an output, and its line is damaged or was never
 * written. Then an older record, of another core, may speak of an output that is not there any more.
 */

/** Counts the places behind which records of one core may be out of date without our seeing it. */
export class JournalGaps {
  readonly #core: string;
  #isDamaged = false;
  /** Gaps so far. A record that has seen as many as there are at the end is certain. */
  count = 0;

  /** `core`: whose records matter. */
  constructor(core: string) {
    this.#core = core;
  }

  onRecord(): void {
    this.onEnd();
  }

  /** It may have been of any core. */
  onDamaged(): void {
    this.#isDamaged = true;
  }

  /** The same, as nobody here can read it. */
  onNewer(): void {
    this.count += 1;
  }

  /**
   * A run of `core` may have replaced outputs; ours has made the same ones. Damage right before here is a
   * line that it was writing when it was killed.
   */
  onUnrecorded(core: string): void {
    this.#isDamaged = false;
    if (core !== this.#core) this.count += 1;
  }

  onEnd(): void {
    if (this.#isDamaged) this.count += 1;
    this.#isDamaged = false;
  }
}
