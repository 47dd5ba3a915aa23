/** The folders of many files, with all links followed. */

import { basename, dirname, join } from "../../runtime/files/path.ts";
import type { Files } from "../../runtime/files/files.ts";
import { realPath } from "./paths.ts";

/** The folders of some files that are listed together: mostly the same few. */
export class RealParents {
  readonly #files: Files;
  readonly #known = new Map<string, Promise<string>>();

  constructor(files: Files) {
    this.#files = files;
  }

  /** The path with all links followed except the last component. */
  async withReal(path: string): Promise<string> {
    const folder = dirname(path);
    let real = this.#known.get(folder);
    if (real === undefined) {
      real = realPath(this.#files, folder);
      this.#known.set(folder, real);
    }
    return join(await real, basename(path));
  }
}
