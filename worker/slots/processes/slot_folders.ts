/** The working folders of slots: each process has an empty one of its own, which is removed when it has ended. */

import { join } from "node:path";
import { reasonOf } from "../../../runtime/error_text.ts";
import type { Files } from "../../../runtime/files/files.ts";
import type { Log } from "../../../system/log.ts";
import { removeFolder } from "../../../system/remove_folder.ts";

/** Only this user may read what a core puts there. */
const MODE = 0o700;

/** The folders of all processes of a worker. */
export class SlotFolders {
  readonly #files: Files;
  readonly #parent: string;
  readonly #log: Log;

  constructor(files: Files, parent: string, log: Log) {
    this.#files = files;
    this.#parent = parent;
    this.#log = log;
  }

  /** Makes the folder of the process with this number. */
  make(number: number): string {
    const folder = this.#path(number);
    try {
      this.#files.makeFolderSync(folder, MODE);
      return folder;
    } catch (cause) {
      // Without its number: a slot that tries again and again says the same once.
      throw new Error(`Cannot make its working folder in ${this.#parent}: ${reasonOf(cause)}`, {
        cause,
      });
    }
  }

  /** Removes the folder of a process that has ended. */
  async remove(number: number): Promise<void> {
    const folder = this.#path(number);
    const error = await removeFolder(this.#files, folder);
    if (error) this.#log.warn(`cannot remove the working folder ${folder}: ${reasonOf(error)}`);
  }

  #path(number: number): string {
    return join(this.#parent, `work-${number}`);
  }
}
