/** The numbers of lines in a journal: a line keeps the number of its output wherever it stands in its file. */

import { NameIndex } from "./name_index.ts";
import type { TextHash } from "./text_hash.ts";

const FIRST_LINES_MAX = 512;

/** Numbers by the identities of lines. A million lines take 30 MB. */
export class LineTable {
  readonly #identities = new NameIndex();
  #numbers = new Float64Array(FIRST_LINES_MAX);
  #digits = new Uint8Array(FIRST_LINES_MAX);
  /** All numbers, once someone asks: only for lines on stdin. */
  #taken: Set<number> | undefined;
  /** The largest number; −1 if there is none. */
  lastNumber = -1;

  /** Sets the number of the line whose identity has this hash, as the name of its output has it. */
  set(identity: TextHash, number: string): void {
    const row = this.#identities.addHash(identity);
    if (row === this.#numbers.length) this.#grow();
    this.#taken = undefined;
    this.#numbers[row] = Number(number);
    this.#digits[row] = number.length;
    this.lastNumber = Math.max(this.lastNumber, Number(number));
  }

  get(identity: string): string | undefined {
    const row = this.#identities.find(identity);
    if (row === undefined) return undefined;
    return String(this.#numbers[row]).padStart(this.#digits[row] as number, "0");
  }

  /** Whether a line has this number. */
  has(number: number): boolean {
    this.#taken ??= new Set(this.#numbers.subarray(0, this.#identities.size));
    return this.#taken.has(number);
  }

  #grow(): void {
    const [numbers, digits] = [this.#numbers, this.#digits];
    this.#numbers = new Float64Array(2 * numbers.length);
    this.#numbers.set(numbers);
    this.#digits = new Uint8Array(2 * digits.length);
    this.#digits.set(digits);
  }
}
