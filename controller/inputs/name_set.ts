/** Which names a run has seen. */

import { DigestTable } from "../output/digest_table.ts";

const NO_VALUE = new Uint32Array(0);

/** Keeps 12 bytes a name, however long it is: a million names fit into 32 MB. */
export class NameSet {
  readonly #table = new DigestTable(0);

  /** False if the name was there already. */
  add(name: string): boolean {
    return this.#table.set(name, NO_VALUE);
  }
}
