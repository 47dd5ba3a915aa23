/** The folder of a local worker, with the socket to which its process connects. */

import { join } from "node:path";
import type { ByteStream, Runtime, StreamListener } from "../../runtime/ports.ts";
import { endProcessesOf } from "../../system/leftover_processes.ts";
import { removeFolder } from "../../system/remove_folder.ts";
import { makeTemporaryFolder } from "../../system/temporary_folder.ts";

/** A temporary folder that only this user may enter: other users of the machine cannot connect. */
export class LocalFolder {
  readonly #runtime: Runtime;
  #path: string;
  #listener: StreamListener;

  private constructor(runtime: Runtime, path: string) {
    this.#runtime = runtime;
    this.#path = path;
    this.#listener = listenIn(runtime, path);
  }

  static async make(runtime: Runtime): Promise<LocalFolder> {
    return new LocalFolder(runtime, await makeTemporaryFolder(runtime.files));
  }

  /** The path of the socket. */
  get socket(): string {
    return socketIn(this.#path);
  }

  /** The next connection; `null` once the folder is removed or renewed. */
  accept(): Promise<ByteStream | null> {
    return this.#listener.accept();
  }

  /** Whether somebody else has removed it, with the socket. */
  get isGone(): boolean {
    return this.#runtime.files.infoSync(this.#path) === undefined;
  }

  /** Makes another one in its place. Resolves to whether it did: not if the worker was closed meanwhile. */
  async renew(isClosed: () => boolean): Promise<boolean> {
    await endProcessesOf(this.#runtime.clock, this.#path);
    const path = await makeTemporaryFolder(this.#runtime.files);
    if (isClosed()) {
      await removeFolder(this.#runtime.files, path);
      return false;
    }
    this.#listener.close();
    this.#path = path;
    this.#listener = listenIn(this.#runtime, path);
    return true;
  }

  /** Removes it. `hasLeftovers`: the worker may have left what its slots started, which is ended first. */
  async remove(hasLeftovers: boolean): Promise<void> {
    this.#listener.close();
    if (hasLeftovers) await endProcessesOf(this.#runtime.clock, this.#path);
    // A worker that was abandoned removes files there at the same time.
    await removeFolder(this.#runtime.files, this.#path);
  }
}

function listenIn(runtime: Runtime, folder: string): StreamListener {
  return runtime.listen({ kind: "unix", path: socketIn(folder) });
}

function socketIn(folder: string): string {
  return join(folder, "controller");
}
