/** The names of inputs that a run has seen. */

import { NameIndex } from "../output/journal/name_index.ts";

/** A set of names that uses little memory for millions of them. */
export class NameSet {
  readonly #names = new NameIndex();
  /** The last name, while each was greater than all before it: such a name is certainly new. */
  #greatest: string | undefined = "";

  has(name: string): boolean {
    return this.#names.find(name) !== undefined;
  }

  /** Adds a name. Returns false if the set has it already. */
  add(name: string): boolean {
    const names = this.#names;
    if (this.#greatest !== undefined && name > this.#greatest) {
      this.#greatest = name;
      names.append(name);
      return true;
    }
    this.#greatest = undefined;
    const { size } = names;
    return names.add(name) === size;
  }
}
