/**
 * Numbers names in the order in which they first occur. A `Map` of a million names of 30 characters takes 69 MB,
 * and no `Map` holds 17 million entries. This class takes 21 MB per million names of any length.
 */

import { hash } from "node:crypto";
import { bytesOfName, isUtf8Name } from "../../runtime/file_name.ts";

/** 32-bit words that are kept of a digest. 96 bits are enough to tell apart all names that fit on a disk. */
const DIGEST_WORDS = 3;

const HEX_DIGITS_PER_WORD = 8;

const FIRST_NAMES_MAX = 512;

/** Numbers names from 0 on. */
export class NameIndex {
  /** The digest of the current name. */
  readonly #key = new Uint32Array(DIGEST_WORDS);
  /** The digests of all names, by their numbers. */
  #digests = new Uint32Array(DIGEST_WORDS * FIRST_NAMES_MAX);
  /** A hash table with open addressing, at most half full. Each place has a name's number plus 1, or 0 if free. */
  #places = new Uint32Array(2 * FIRST_NAMES_MAX);
  #size = 0;

  /** How many names there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds a name and returns its number, which is the previous `size` if the name is new. */
  add(name: string): number {
    this.#digest(name);
    const place = this.#placeOf(this.#key, 0);
    const found = this.#places[place] as number;
    if (found > 0) return found - 1;
    if (2 * (this.#size + 1) > this.#places.length) {
      this.#grow();
      return this.#insert(this.#placeOf(this.#key, 0));
    }
    return this.#insert(place);
  }

  /** The name's number; `undefined` if it was never added. */
  find(name: string): number | undefined {
    this.#digest(name);
    const found = this.#places[this.#placeOf(this.#key, 0)] as number;
    return found > 0 ? found - 1 : undefined;
  }

  #digest(name: string): void {
    const text = isUtf8Name(name) ? name : bytesOfName(name);
    const hex = hash("sha256", text, "hex"); // a hex digest takes a third of the time of a binary one
    for (let word = 0; word < DIGEST_WORDS; word++) {
      const at = word * HEX_DIGITS_PER_WORD;
      this.#key[word] = parseInt(hex.slice(at, at + HEX_DIGITS_PER_WORD), 16);
    }
  }

  #insert(place: number): number {
    this.#digests.set(this.#key, DIGEST_WORDS * this.#size);
    this.#places[place] = ++this.#size;
    return this.#size - 1;
  }

  /** The place of the digest at `at` in `words`, or the free place where it belongs. */
  #placeOf(words: Uint32Array, at: number): number {
    const places = this.#places;
    let place = (words[at] as number) % places.length;
    while (places[place] !== 0 && !this.#isAt(place, words, at)) {
      place = place + 1 < places.length ? place + 1 : 0;
    }
    return place;
  }

  #isAt(place: number, words: Uint32Array, at: number): boolean {
    const digests = this.#digests;
    const other = DIGEST_WORDS * ((this.#places[place] as number) - 1);
    return digests[other] === words[at] && digests[other + 1] === words[at + 1] &&
      digests[other + 2] === words[at + 2];
  }

  #grow(): void {
    const digests = new Uint32Array(2 * this.#digests.length);
    digests.set(this.#digests);
    this.#digests = digests;
    this.#places = new Uint32Array(2 * this.#places.length);
    for (let number = 0; number < this.#size; number++) {
      this.#places[this.#placeOf(digests, DIGEST_WORDS * number)] = number + 1;
    }
  }
}
