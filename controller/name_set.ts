/** Which names a run has seen. */

import { createHash } from "node:crypto";

/** Words of a digest that are kept: 96 bits, no two of any number of names that fit a disk are alike. */
const DIGEST_WORDS = 3;

const FIRST_PLACES = 1024;

/** Keeps 12 bytes a name, however long it is: a million names fit into 32 MB. */
export class NameSet {
  /** Open addressing, three words a name. No digest is all zero in our lifetime: zero is free. */
  #words = new Uint32Array(DIGEST_WORDS * FIRST_PLACES);
  #count = 0;

  /** False if the name was there already. */
  add(name: string): boolean {
    const digest = createHash("sha256").update(name).digest();
    const key = [0, 4, 8].map((at) => digest.readUInt32LE(at));
    if (!this.#insert(key)) return false;
    this.#count += 1;
    if (2 * this.#count > this.#words.length / DIGEST_WORDS) this.#grow();
    return true;
  }

  #insert(key: readonly number[]): boolean {
    const places = this.#words.length / DIGEST_WORDS;
    for (let place = key[0] as number % places;; place = (place + 1) % places) {
      const found = this.#words.subarray(DIGEST_WORDS * place, DIGEST_WORDS * (place + 1));
      if (found.every((word) => word === 0)) {
        found.set(key);
        return true;
      }
      if (found.every((word, index) => word === key[index])) return false;
    }
  }

  #grow(): void {
    const old = this.#words;
    this.#words = new Uint32Array(2 * old.length);
    for (let at = 0; at < old.length; at += DIGEST_WORDS) {
      const key = [...old.subarray(at, at + DIGEST_WORDS)];
      if (key.some((word) => word !== 0)) this.#insert(key);
    }
  }
}
