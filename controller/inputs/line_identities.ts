/** The identities of lines: their contents. Of equal lines, each after the first has its count in its identity. */

import { NameIndex } from "../output/name_index.ts";
import { contentIdentity } from "./identity.ts";

const FIRST_LINES_MAX = 512;

/** Identifies the lines of a file, in their order. A million lines take 25 MB. */
export class LineIdentities {
  readonly #contents = new NameIndex();
  #counts = new Uint32Array(FIRST_LINES_MAX);

  /** The identity of the next line. */
  next(line: Uint8Array): string {
    const content = contentIdentity(line).replace("data", "line");
    const row = this.#contents.add(content);
    if (row === this.#counts.length) this.#grow();
    const count = (this.#counts[row] as number) + 1;
    this.#counts[row] = count;
    return count === 1 ? content : `${content}-${count}`;
  }

  #grow(): void {
    const counts = this.#counts;
    this.#counts = new Uint32Array(2 * counts.length);
    this.#counts.set(counts);
  }
}
