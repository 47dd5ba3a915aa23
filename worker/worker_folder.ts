/** The folder of a worker, with the cores that it stores and the socket that its slots connect to. */

import { dirname, join } from "node:path";
import type { Files } from "../runtime/files/files.ts";
import type { Runtime } from "../runtime/ports.ts";
import { markFolder, removeLeftovers } from "../system/leftovers.ts";
import { removeFolder, removeFolderSync } from "../system/remove_folder.ts";
import { makeTemporaryFolder } from "../system/temporary_folder.ts";

/** The name of the socket. Nobody listens there any more in the folder of a worker that was killed. */
const SOCKET_NAME = "slots";

/** A folder that only this user may enter. */
export class WorkerFolder {
  /** `files`: for what is in it. */
  private constructor(readonly path: string, readonly files: Files) {}

  /** Makes the folder, in `parent` if possible, and removes the folders of workers that were killed. */
  static async make(runtime: Runtime, parent?: string): Promise<WorkerFolder> {
    const path = await makeTemporaryFolder(runtime.files, parent, runtime.system);
    const files = await runtime.files.onDiskOf?.(path) ?? runtime.files;
    await markFolder(files, path);
    void removeLeftovers(runtime, dirname(path), SOCKET_NAME);
    return new WorkerFolder(path, files);
  }

  /** Where the worker's slots connect. */
  get socketPath(): string {
    return join(this.path, SOCKET_NAME);
  }

  /** Whether somebody else has removed it, such as a service that cleans `/tmp`. Known once the worker listens. */
  get isGone(): boolean {
    try {
      return this.files.infoSync(this.socketPath) === undefined;
    } catch {
      return false; // nobody knows
    }
  }

  async remove(): Promise<void> {
    await removeFolder(this.files, this.path); // a remaining folder does no harm
  }

  /** Like `remove`, but synchronous: for a process that is about to exit. */
  removeSync(): void {
    removeFolderSync(this.files, this.path);
  }
}
