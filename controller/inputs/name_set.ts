/** Which names a run has seen. */

import { NameIndex } from "../output/name_index.ts";

/** A set of millions of names. */
export class NameSet {
  readonly #names = new NameIndex();

  /** False if the name was added before. */
  add(name: string): boolean {
    const { size } = this.#names;
    return this.#names.add(name) === size;
  }
}
