/** Facts by name, in a few bytes each: for as many names as a run may have jobs. */

import { hash } from "node:crypto";

/** Words of a digest that are kept: 96 bits, no two of any number of names that fit a disk are alike. */
const DIGEST_WORDS = 3;

const HEX_DIGITS_A_WORD = 8;

const FIRST_PLACES = 1024;

/** Puts the first words of a text's SHA-256 into `words`, as many as there is room for. */
export function digestInto(words: Uint32Array, text: string): void {
  const hex = hash("sha256", text, "hex"); // as text it costs a third of what it does as bytes
  for (let index = 0, at = 0; index < words.length; index++, at += HEX_DIGITS_A_WORD) {
    words[index] = parseInt(hex.slice(at, at + HEX_DIGITS_A_WORD), 16);
  }
}

/**
 * A table from names to values of a fixed number of 32-bit words. Of a name it keeps 12 bytes, however long
 * it is.
 */
export class DigestTable {
  readonly #valueWords: number;
  readonly #placeWords: number;
  /** The digest of the name at hand. */
  readonly #key = new Uint32Array(DIGEST_WORDS);
  /** Open addressing, a digest and its value a place. No digest is all zero in our lifetime: zero is free. */
  #words: Uint32Array;
  #count = 0;

  constructor(valueWords: number) {
    this.#valueWords = valueWords;
    this.#placeWords = DIGEST_WORDS + valueWords;
    this.#words = new Uint32Array(this.#placeWords * FIRST_PLACES);
  }

  /** Keeps a value under a name, in the place of an earlier one. False if there was one. */
  set(name: string, value: Uint32Array): boolean {
    digestInto(this.#key, name);
    const at = this.#find(this.#key);
    const isNew = this.#isFree(at);
    this.#words.set(this.#key, at);
    this.#words.set(value, at + DIGEST_WORDS);
    if (isNew) this.#count += 1;
    if (2 * this.#count * this.#placeWords > this.#words.length) this.#grow();
    return isNew;
  }

  /** The value under a name, to be read before the next `set`; `undefined` if there is none. */
  get(name: string): Uint32Array | undefined {
    digestInto(this.#key, name);
    const at = this.#find(this.#key);
    return this.#isFree(at) ? undefined : this.#valueAt(at);
  }

  /** All values, in no order. */
  *values(): Iterable<Uint32Array> {
    for (let at = 0; at < this.#words.length; at += this.#placeWords) {
      if (!this.#isFree(at)) yield this.#valueAt(at);
    }
  }

  #valueAt(at: number): Uint32Array {
    return this.#words.subarray(at + DIGEST_WORDS, at + DIGEST_WORDS + this.#valueWords);
  }

  /** Where the key is, or else the free place where it belongs. */
  #find(key: Uint32Array): number {
    const words = this.#words;
    const step = this.#placeWords;
    const [first, second, third] = [key[0] as number, key[1], key[2]];
    let at = (first % (words.length / step)) * step;
    for (;;) {
      if (words[at] === first && words[at + 1] === second && words[at + 2] === third) return at;
      if (this.#isFree(at)) return at;
      at += step;
      if (at === words.length) at = 0;
    }
  }

  #isFree(at: number): boolean {
    const words = this.#words;
    return words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0;
  }

  #grow(): void {
    const old = this.#words;
    this.#words = new Uint32Array(2 * old.length);
    for (let at = 0; at < old.length; at += this.#placeWords) {
      const place = old.subarray(at, at + this.#placeWords);
      if (place[0] !== 0 || place[1] !== 0 || place[2] !== 0) {
        this.#words.set(place, this.#find(place));
      }
    }
  }
}
