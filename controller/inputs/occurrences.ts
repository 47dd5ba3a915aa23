/** Counts how often each of many texts has occurred. A million texts take 25 MB. */

import { NameIndex } from "../output/journal/name_index.ts";

const FIRST_TEXTS_MAX = 512;

/** The occurrences of texts so far. */
export class Occurrences {
  readonly #texts = new NameIndex();
  #counts = new Uint32Array(FIRST_TEXTS_MAX);

  /** Adds a text. Returns how often it has occurred by now. */
  add(text: string): number {
    const row = this.#texts.add(text);
    if (row === this.#counts.length) this.#grow();
    const count = (this.#counts[row] as number) + 1;
    this.#counts[row] = count;
    return count;
  }

  #grow(): void {
    const counts = this.#counts;
    this.#counts = new Uint32Array(2 * counts.length);
    this.#counts.set(counts);
  }
}
