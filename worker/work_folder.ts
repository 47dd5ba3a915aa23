/** The folder in which the slots of a worker have their working folders, if it is to lie on a disk of its own. */

import { join } from "node:path";
import { reasonOf } from "../runtime/error_text.ts";
import type { Runtime, StreamListener } from "../runtime/ports.ts";
import { markFolder, removeLeftovers } from "../system/leftovers.ts";
import type { Log } from "../system/log.ts";
import { listenAsOwner, OwnedFolder, OWNER_NAME } from "../system/owned_folder.ts";
import { fitsSocket, FOLDER_PREFIX } from "../system/temporary_folder.ts";

/** Makes the folder in `parent`, and removes those of workers that were killed. Rejects if it cannot be made. */
export async function makeWorkFolder(
  runtime: Runtime,
  parent: string,
  log: Log,
): Promise<OwnedFolder> {
  const { files } = runtime;
  try {
    const path = await files.makePrivateFolder(join(parent, FOLDER_PREFIX));
    await markFolder(await files.onDiskOf?.(path) ?? files, path);
    void removeLeftovers(runtime, parent, OWNER_NAME);
    return new OwnedFolder(runtime, path, listenOrWarn(runtime, path, log));
  } catch (cause) {
    throw new Error(
      `Cannot make a working folder in "${parent}": ${reasonOf(cause)}; ` +
        "name an existing folder that this user may write to",
      { cause },
    );
  }
}

/** Some file systems have no sockets, and their paths are limited. The slots need none. */
function listenOrWarn(runtime: Runtime, path: string, log: Log): StreamListener | undefined {
  try {
    if (!fitsSocket(join(path, OWNER_NAME))) throw new Error("its path is too long for a socket");
    return listenAsOwner(runtime, path);
  } catch (error) {
    log.warn(`nobody will remove ${path} if this worker is killed by SIGKILL: ${reasonOf(error)}`);
    return undefined;
  }
}
