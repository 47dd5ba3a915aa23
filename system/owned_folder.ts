/** A temporary folder that does not stay if its process is killed: the next process that makes one removes it. */

import { dirname, join } from "node:path";
import type { Runtime, StreamListener } from "../runtime/ports.ts";
import { markFolder, removeLeftovers } from "./leftovers.ts";
import { removeFolder, removeFolderSync } from "./remove_folder.ts";
import { makeTemporaryFolder } from "./temporary_folder.ts";

/** The name of a socket that shows that the owner of a folder lives. Only who looks for leftovers connects to it. */
export const OWNER_NAME = "owner";

/** A folder that only this user may enter. */
export class OwnedFolder {
  readonly #runtime: Runtime;
  readonly #listener: StreamListener | undefined;

  /** `listener`: what `listenAsOwner` has returned for the folder, where there can be one. */
  constructor(runtime: Runtime, readonly path: string, listener: StreamListener | undefined) {
    this.#runtime = runtime;
    this.#listener = listener;
  }

  /** Makes the folder, and removes those of processes that were killed. Rejects if it cannot be made. */
  static async make(runtime: Runtime): Promise<OwnedFolder> {
    const path = await makeTemporaryFolder(runtime.files);
    await markFolder(runtime.files, path);
    void removeLeftovers(runtime, dirname(path), OWNER_NAME);
    return new OwnedFolder(runtime, path, listenOrNot(runtime, path));
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
}

/** Shows that the owner of a folder lives, until the listener is closed. Throws where there can be no socket. */
export function listenAsOwner(runtime: Runtime, folder: string): StreamListener {
  const listener = runtime.listen({ kind: "unix", path: join(folder, OWNER_NAME) });
  void closeAll(listener);
  return listener;
}

function listenOrNot(runtime: Runtime, folder: string): StreamListener | undefined {
  try {
    return listenAsOwner(runtime, folder);
  } catch {
    return undefined; // some file systems have no sockets: the folder stays if this process is killed
  }
}

/** Closes each connection: that it was made says enough. */
async function closeAll(listener: StreamListener): Promise<void> {
  for (let stream = await listener.accept(); stream; stream = await listener.accept()) {
    stream.close();
  }
}
