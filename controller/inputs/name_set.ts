/** The names of inputs that a run has seen. */

import { NameIndex } from "../output/name_index.ts";

/** A set of names that uses little memory for millions of them. */
export class NameSet {
  readonly #names = new NameIndex();

  /** Adds a name. Returns false if the set has it already. */
  add(name: string): boolean {
    const { size } = this.#names;
    return this.#names.add(name) === size;
  }
}
