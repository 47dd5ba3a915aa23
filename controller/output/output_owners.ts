/**
 * Which output has a name on a disk that does not tell upper from lower case, as most of macOS and Windows: `A` and `a`
 * are one file there. Kept only on such disks: a million names take 30 MB.
 */

import { identityNumber } from "./journal/job_table.ts";
import { NameIndex } from "./journal/name_index.ts";
import { foldedName } from "./state_folder.ts";

const FIRST_NAMES_MAX = 1024;

/** Stands for no owner. */
const NOBODY = 0;

/** The owners of the files in one output folder: names, of which each has its file. */
export class OutputOwners {
  /** Names that are one file have one number. */
  readonly #files = new NameIndex();
  /** The `identityNumber` of the owner's name, by these numbers. */
  #owners = new Float64Array(FIRST_NAMES_MAX);

  /** Gives a name its file. Returns false if another name has it. */
  claim(name: string): boolean {
    if (this.isAnothers(name)) return false;
    this.take(name);
    return true;
  }

  /** Gives a name its file, whoever has it. */
  take(name: string): void {
    const file = this.#files.add(foldedName(name));
    if (file >= this.#owners.length) {
      const owners = new Float64Array(2 * this.#owners.length);
      owners.set(this.#owners);
      this.#owners = owners;
    }
    this.#owners[file] = identityNumber(name);
  }

  /** The name has no file any more. */
  release(name: string): void {
    const file = this.#files.find(foldedName(name));
    if (file !== undefined && !this.isAnothers(name)) this.#owners[file] = NOBODY;
  }

  /** Whether the file of a name is that of another one. */
  isAnothers(name: string): boolean {
    const file = this.#files.find(foldedName(name));
    const owner = file === undefined ? NOBODY : this.#owners[file];
    return owner !== NOBODY && owner !== identityNumber(name);
  }
}
