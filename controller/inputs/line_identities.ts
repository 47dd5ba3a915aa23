/** The identities of lines: their contents. Of equal lines, each after the first has its count in its identity. */

import { lineIdentity } from "./identity.ts";
import { Occurrences } from "./occurrences.ts";

/** Identifies the lines of a file, in their order. */
export class LineIdentities {
  readonly #contents = new Occurrences();

  /** The identity of the next line. */
  next(line: Uint8Array): string {
    const content = lineIdentity(line);
    const count = this.#contents.add(content);
    return count === 1 ? content : `${content}-${count}`;
  }
}
