/**
 * A hash of 96 bits of a text, in a tenth of the time of SHA-256 through a runtime: a resumed run needs several for
 * each of its jobs. It tells apart all names that fit on a disk. It does not protect against whoever wants two texts
 * to have the same hash, and needs none: they would only make a job of their own run again.
 */

import { randomFillSync } from "node:crypto";

/** The words of 32 bits of a hash. */
export const HASH_WORDS = 3;

/** New ones in each process, so that nobody can choose names that all lie in one place of a table. */
const [SEED_0, SEED_1, SEED_2] = randomFillSync(
  new Uint32Array(HASH_WORDS),
) as unknown as readonly [number, number, number];

/** Odd numbers whose bits have no pattern, from MurmurHash3 and xxHash. */
const FACTOR_0 = 0xcc9e2d51;
const FACTOR_1 = 0x9e3779b1;
const FACTOR_2 = 0x85ebca77;

/** Memory for one hash at a time. */
export class TextHash {
  readonly words = new Uint32Array(HASH_WORDS);

  setText(text: string): void {
    let [a, b, c] = [SEED_0, SEED_1, SEED_2];
    const { length } = text;
    for (let at = 0; at < length; at++) {
      const unit = text.charCodeAt(at);
      a = Math.imul(((a ^ unit) << 15) | ((a ^ unit) >>> 17), FACTOR_0);
      b = Math.imul(((b ^ unit) << 13) | ((b ^ unit) >>> 19), FACTOR_1);
      c = Math.imul(((c ^ unit) << 11) | ((c ^ unit) >>> 21), FACTOR_2);
    }
    this.#finish(a, b, c, length);
  }

  /** The hash of the text that these bytes are. They must be ASCII. */
  setAscii(bytes: Uint8Array, start: number, end: number): void {
    let [a, b, c] = [SEED_0, SEED_1, SEED_2];
    for (let at = start; at < end; at++) {
      const unit = bytes[at] as number;
      a = Math.imul(((a ^ unit) << 15) | ((a ^ unit) >>> 17), FACTOR_0);
      b = Math.imul(((b ^ unit) << 13) | ((b ^ unit) >>> 19), FACTOR_1);
      c = Math.imul(((c ^ unit) << 11) | ((c ^ unit) >>> 21), FACTOR_2);
    }
    this.#finish(a, b, c, end - start);
  }

  /** 53 bits of it, as a number that is never 0. */
  get number(): number {
    const [first, second] = this.words as unknown as readonly [number, number];
    return first * 2 ** 21 + (second >>> 11) || 1;
  }

  #finish(a: number, b: number, c: number, length: number): void {
    this.words[0] = mixed(a ^ length);
    this.words[1] = mixed(b ^ (this.words[0] as number));
    this.words[2] = mixed(c ^ (this.words[1] as number));
  }
}

/** Lets each bit change all others, as the end of MurmurHash3 does. */
function mixed(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return word ^ (word >>> 16);
}
