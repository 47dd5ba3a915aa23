/** The folder in which the slots of a worker have their working folders, if it is to lie on a disk of its own. */

import { join } from "node:path";
import { reasonOf } from "../runtime/error_text.ts";
import type { Runtime, StreamListener } from "../runtime/ports.ts";
import { markFolder, removeLeftovers } from "../system/leftovers.ts";
import type { Log } from "../system/log.ts";
import { listenAsOwner, OWNER_NAME } from "../system/owned_folder.ts";
import { removeFolder, removeFolderSync } from "../system/remove_folder.ts";
import { fitsSocket, FOLDER_PREFIX } from "../system/temporary_folder.ts";

/** A folder that only this user may enter, in one that the user has chosen. */
export class WorkFolder {
  readonly #runtime: Runtime;
  readonly #listener: StreamListener | undefined;

  private constructor(runtime: Runtime, readonly path: string, log: Log) {
    this.#runtime = runtime;
    this.#listener = this.#listen(log);
  }

  /** Makes the folder in `parent`, and removes those of workers that were killed. Rejects if it cannot be made. */
  static async make(runtime: Runtime, parent: string, log: Log): Promise<WorkFolder> {
    const { files } = runtime;
    try {
      const path = await files.makePrivateFolder(join(parent, FOLDER_PREFIX));
      await markFolder(await files.onDiskOf?.(path) ?? files, path);
      void removeLeftovers(runtime, parent, OWNER_NAME);
      return new WorkFolder(runtime, path, log);
    } catch (cause) {
      throw new Error(
        `Cannot make a working folder in "${parent}": ${reasonOf(cause)}; ` +
          "name an existing folder that this user may write to",
        { cause },
      );
    }
  }

  async remove(): Promise<void> {
    this.#listener?.close();
    await removeFolder(this.#runtime.files, this.path); // a remaining folder does no harm
  }

  /** Like `remove`, but synchronous: for a process that is about to exit. */
  removeSync(): void {
    this.#listener?.close();
    removeFolderSync(this.#runtime.files, this.path);
  }

  /** Some file systems have no sockets, and their paths are limited. The slots need none. */
  #listen(log: Log): StreamListener | undefined {
    try {
      if (!fitsSocket(join(this.path, OWNER_NAME))) {
        throw new Error("its path is too long for a socket");
      }
      return listenAsOwner(this.#runtime, this.path);
    } catch (error) {
      log.warn(
        `nobody will remove ${this.path} if this worker is killed by SIGKILL: ${reasonOf(error)}`,
      );
      return undefined;
    }
  }
}
