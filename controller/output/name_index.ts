/**
 * Numbers names in the order in which they first occur. A `Map` of a million names of 30 characters takes 69 MB,
 * and no `Map` holds 17 million entries. This class takes 21 MB per million names of any length.
 */

import { HASH_WORDS, TextHash } from "./text_hash.ts";

const FIRST_NAMES_MAX = 512;

/** Numbers names from 0 on. */
export class NameIndex {
  /** The hash of the current name. */
  readonly #hash = new TextHash();
  /** The hashes of all names, by their numbers. */
  #hashes = new Uint32Array(HASH_WORDS * FIRST_NAMES_MAX);
  /** A hash table with open addressing, at most half full. Each place has a name's number plus 1, or 0 if free. */
  #places = new Uint32Array(2 * FIRST_NAMES_MAX);
  #size = 0;

  /** How many names there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds a name and returns its number, which is the previous `size` if the name is new. */
  add(name: string): number {
    this.#hash.setText(name);
    return this.addHash(this.#hash);
  }

  /** The same for a name that has this hash. */
  addHash({ words }: TextHash): number {
    const place = this.#placeOf(words, 0);
    const found = this.#places[place] as number;
    if (found > 0) return found - 1;
    if (2 * (this.#size + 1) > this.#places.length) {
      this.#grow();
      return this.#insert(this.#placeOf(words, 0), words);
    }
    return this.#insert(place, words);
  }

  /** The name's number; `undefined` if it was never added. */
  find(name: string): number | undefined {
    this.#hash.setText(name);
    const found = this.#places[this.#placeOf(this.#hash.words, 0)] as number;
    return found > 0 ? found - 1 : undefined;
  }

  #insert(place: number, words: Uint32Array): number {
    const at = HASH_WORDS * this.#size;
    for (let word = 0; word < HASH_WORDS; word++) this.#hashes[at + word] = words[word] as number;
    this.#places[place] = ++this.#size;
    return this.#size - 1;
  }

  /** The place of the hash at `at` in `words`, or the free place where it belongs. */
  #placeOf(words: Uint32Array, at: number): number {
    const places = this.#places;
    let place = (words[at] as number) & (places.length - 1); // its length is a power of two
    while (places[place] !== 0 && !this.#isAt(place, words, at)) {
      place = place + 1 < places.length ? place + 1 : 0;
    }
    return place;
  }

  #isAt(place: number, words: Uint32Array, at: number): boolean {
    const hashes = this.#hashes;
    const other = HASH_WORDS * ((this.#places[place] as number) - 1);
    return hashes[other] === words[at] && hashes[other + 1] === words[at + 1] &&
      hashes[other + 2] === words[at + 2];
  }

  #grow(): void {
    const hashes = new Uint32Array(2 * this.#hashes.length);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    this.#places = new Uint32Array(2 * this.#places.length);
    for (let number = 0; number < this.#size; number++) {
      this.#places[this.#placeOf(hashes, HASH_WORDS * number)] = number + 1;
    }
  }
}
