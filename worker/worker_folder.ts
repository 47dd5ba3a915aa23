/** The folder of a worker, with the cores that it stores and the socket that its slots connect to. */

import { existsSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Runtime } from "../runtime/ports.ts";
import { markFolder, removeLeftovers } from "../system/leftovers.ts";
import { makeTemporaryFolder } from "../system/temporary_folder.ts";

/** The name of the socket. A folder whose socket accepts no connection belongs to a worker that was killed. */
const SOCKET_NAME = "slots";

/** Removal is repeated: writing a core may create a file while the folder is being removed. */
const REMOVALS_MAX = 10;

/** A folder that only this user may enter. */
export class WorkerFolder {
  private constructor(readonly path: string) {}

  /** Makes the folder, in `parent` if possible, and removes the folders of workers that were killed. */
  static async make(runtime: Runtime, parent?: string): Promise<WorkerFolder> {
    const path = await makeTemporaryFolder(parent);
    await markFolder(path);
    void removeLeftovers(runtime, dirname(path), SOCKET_NAME);
    return new WorkerFolder(path);
  }

  /** Where the worker's slots connect. */
  get socketPath(): string {
    return join(this.path, SOCKET_NAME);
  }

  async remove(): Promise<void> {
    for (let attempt = 1; attempt <= REMOVALS_MAX && existsSync(this.path); attempt++) {
      await rm(this.path, { recursive: true, force: true }).catch(() => {}); // try again
    }
  }

  /** Like `remove`, but synchronous: for a process that is about to exit. */
  removeSync(): void {
    for (let attempt = 1; attempt <= REMOVALS_MAX && existsSync(this.path); attempt++) {
      try {
        rmSync(this.path, { recursive: true, force: true });
      } catch {
        // Try again, as above.
      }
    }
  }
}
