/**
 * Numbers names in the order in which they first occur. A `Map` of a million names of 30 characters takes 69 MB,
 * and no `Map` holds 17 million entries. This class takes 21 MB per million names of any length.
 */

import { HASH_WORDS, TextHash } from "./text_hash.ts";

const FIRST_NAMES_MAX = 512;

/** No more names wait for their places, so that finding one takes a fifth of a second at most. */
const WAITING_MAX = 1_000_000;

/** Numbers names from 0 on. */
export class NameIndex {
  /** The hash of the current name. */
  readonly #hash = new TextHash();
  /** The hashes of all names, by their numbers. */
  #hashes = new Uint32Array(HASH_WORDS * FIRST_NAMES_MAX);
  /** A hash table with open addressing, at most half full. Each place has a name's number plus 1, or 0 if free. */
  #places = new Uint32Array(2 * FIRST_NAMES_MAX);
  #size = 0;
  /** How many of them have a place. The others were appended since a name was last looked for. */
  #placed = 0;

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
    this.#placeAll();
    const found = this.#places[this.#placeOf(words, 0)] as number;
    if (found > 0) return found - 1;
    this.#store(words);
    this.#placeAll();
    return this.#size - 1;
  }

  /**
   * Adds a name that is new, or whose number nobody asks for. It takes a fraction of the time of `add`, whose table lies
   * all over the memory, until a name is looked for.
   */
  append(name: string): void {
    this.#hash.setText(name);
    this.#store(this.#hash.words);
    if (this.#size - this.#placed > WAITING_MAX) this.#placeNext();
  }

  /** The name's number; `undefined` if it was never added. */
  find(name: string): number | undefined {
    this.#placeAll();
    this.#hash.setText(name);
    const found = this.#places[this.#placeOf(this.#hash.words, 0)] as number;
    return found > 0 ? found - 1 : undefined;
  }

  /** Whether it has the name that has this number in another index. */
  hasNameOf(other: NameIndex, number: number): boolean {
    this.#placeAll();
    return this.#places[this.#placeOf(other.#hashes, HASH_WORDS * number)] !== 0;
  }

  /** Stores a hash, which has no place yet. */
  #store(words: Uint32Array): void {
    if (2 * (this.#size + 1) > this.#places.length) this.#grow();
    const at = HASH_WORDS * this.#size;
    for (let word = 0; word < HASH_WORDS; word++) this.#hashes[at + word] = words[word] as number;
    this.#size += 1;
  }

  #placeAll(): void {
    while (this.#placed < this.#size) this.#placeNext();
  }

  #placeNext(): void {
    const place = this.#placeOf(this.#hashes, HASH_WORDS * this.#placed);
    this.#placed += 1;
    if (this.#places[place] === 0) this.#places[place] = this.#placed; // else it was appended twice
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

  /** Makes room for twice as many. All names get new places. */
  #grow(): void {
    const hashes = new Uint32Array(2 * this.#hashes.length);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    this.#places = new Uint32Array(2 * this.#places.length);
    this.#placed = 0;
    if (this.#size > WAITING_MAX) this.#placeAll();
  }
}
