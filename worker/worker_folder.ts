/** The folder of a worker, with the cores that it stores and the socket that its slots connect to. */

import { dirname, join } from "node:path";
import type { Files } from "../runtime/files.ts";
import type { Runtime } from "../runtime/ports.ts";
import { markFolder, removeLeftovers } from "../system/leftovers.ts";
import { makeTemporaryFolder } from "../system/temporary_folder.ts";

/** The name of the socket. Nobody listens there any more in the folder of a worker that was killed. */
const SOCKET_NAME = "slots";

/** Removal is repeated: writing a core may create a file while the folder is being removed. */
const REMOVALS_MAX = 10;

/** A folder that only this user may enter. */
export class WorkerFolder {
  private constructor(readonly path: string, readonly files: Files) {}

  /** Makes the folder, in `parent` if possible, and removes the folders of workers that were killed. */
  static async make(runtime: Runtime, parent?: string): Promise<WorkerFolder> {
    const { files } = runtime;
    const path = await makeTemporaryFolder(files, parent);
    await markFolder(files, path);
    void removeLeftovers(runtime, dirname(path), SOCKET_NAME);
    return new WorkerFolder(path, files);
  }

  /** Where the worker's slots connect. */
  get socketPath(): string {
    return join(this.path, SOCKET_NAME);
  }

  async remove(): Promise<void> {
    for (let attempt = 1; attempt <= REMOVALS_MAX && this.files.infoSync(this.path); attempt++) {
      await this.files.remove(this.path).catch(() => {}); // try again
    }
  }

  /** Like `remove`, but synchronous: for a process that is about to exit. */
  removeSync(): void {
    for (let attempt = 1; attempt <= REMOVALS_MAX && this.files.infoSync(this.path); attempt++) {
      try {
        this.files.removeSync(this.path);
      } catch {
        // Try again, as above.
      }
    }
  }
}
