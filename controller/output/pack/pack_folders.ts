/**
 * The folders of the entries that a pack has from earlier runs. No new entry can have the name of one: it could not be
 * unpacked.
 */

import { NameIndex } from "../journal/name_index.ts";

/** Folders, each with an entry in it. */
export class PackFolders {
  readonly #names = new NameIndex();
  /** The folder of the last entry: the next one is mostly in the same. */
  #last: string | undefined;

  /** An entry that earlier runs have written. */
  onEntry(name: string): void {
    const place = name.lastIndexOf("/");
    if (place < 0 || (place === this.#last?.length && name.startsWith(this.#last))) return;
    for (let end = name.indexOf("/"); end >= 0; end = name.indexOf("/", end + 1)) {
      this.#names.add(name.slice(0, end));
    }
    this.#last = name.slice(0, place);
  }

  /** Whether the pack has an entry in this folder. */
  has(folder: string): boolean {
    return this.#names.size > 0 && this.#names.find(folder) !== undefined;
  }
}
