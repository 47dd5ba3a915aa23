/**
 * The folders of the entries that a pack has from earlier runs. No new entry can have the name of one: it could not be
 * unpacked.
 */

import { NameIndex } from "./name_index.ts";
import type { PackIndex } from "./pack_index.ts";

/** Folders, each with one entry in it. */
export class PackFolders {
  readonly #pack: PackIndex;
  readonly #names = new NameIndex();
  /** Where such an entry ends, and its epoch. */
  readonly #ends: number[] = [];
  readonly #epochs: number[] = [];
  /** The folder of the last entry: the next one is mostly in the same. */
  #last = "";
  #lastNumber = -1;

  constructor(pack: PackIndex) {
    this.#pack = pack;
  }

  /** An entry that earlier runs have written. The pack knows it already. */
  onEntry(name: string, packEnd: number): void {
    const place = name.lastIndexOf("/");
    if (place < 0 || this.#isInLast(name, place)) return;
    for (let end = name.indexOf("/"); end >= 0; end = name.indexOf("/", end + 1)) {
      this.#add(name.slice(0, end), packEnd);
    }
  }

  /** Whether the pack has an entry in this folder. Call it after the whole journal has been read. */
  has(folder: string): boolean {
    const number = this.#names.size === 0 ? undefined : this.#names.find(folder);
    if (number === undefined) return false;
    return this.#pack.isWhole(this.#ends[number] as number, this.#epochs[number] as number);
  }

  #isInLast(name: string, place: number): boolean {
    return this.#lastNumber >= 0 && place === this.#last.length && name.startsWith(this.#last) &&
      !this.#wasCutOff(this.#lastNumber);
  }

  #wasCutOff(number: number): boolean {
    return this.#pack.wasCutOff(this.#ends[number] as number, this.#epochs[number] as number);
  }

  #add(folder: string, packEnd: number): void {
    const { size } = this.#names;
    const number = this.#names.add(folder);
    if (number === size || this.#wasCutOff(number)) {
      this.#ends[number] = packEnd;
      this.#epochs[number] = this.#pack.epoch;
    }
    this.#last = folder;
    this.#lastNumber = number;
  }
}
