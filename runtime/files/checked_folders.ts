/**
 * Folders that are checked before each use, where there are no paths of descriptors: on macOS, and where Deno may not
 * use `/proc`. A link that somebody puts in place between the check and the use is followed. Links that are there
 * before are not.
 */

import { codeOf } from "../error_text.ts";
import type { FileInfo, Files } from "./files.ts";
import { basename, dirname, join } from "./path.ts";
import { LinkError, type SafeFolders } from "./safe_folders.ts";

/** The folders below a root, by their paths. */
export class CheckedFolders implements SafeFolders {
  readonly #files: Files;
  readonly #root: string;

  constructor(files: Files, root: string) {
    this.#files = files;
    this.#root = root;
  }

  async use<T>(folder: string, act: (path: string) => Promise<T>): Promise<T> {
    for (const part of this.#partsOf(folder)) this.#check(part, await this.#files.info(part));
    return await act(folder);
  }

  useSync<T>(folder: string, act: (path: string) => T): T {
    for (const part of this.#partsOf(folder)) this.#check(part, this.#files.infoSync(part));
    return act(folder);
  }

  async make(folder: string): Promise<void> {
    if (folder === this.#root) return;
    await this.make(dirname(folder));
    await this.use(dirname(folder), async (above) => {
      const path = join(above, basename(folder));
      const info = await this.#files.info(path).catch((error) => {
        if (codeOf(error) !== "ENOENT") throw error;
      });
      if (info) this.#check(path, info);
      else await this.#files.makeFolder(path);
    });
  }

  makeSync(folder: string): void {
    if (folder === this.#root) return;
    this.makeSync(dirname(folder));
    this.useSync(dirname(folder), (above) => {
      const path = join(above, basename(folder));
      const info = this.#files.infoSync(path);
      if (info) this.#check(path, info);
      else this.#files.makeFolderSync(path);
    });
  }

  close(): void {}

  /** The folders between the root and this one, which is the last. */
  #partsOf(folder: string): string[] {
    return folder === this.#root ? [] : [...this.#partsOf(dirname(folder)), folder];
  }

  #check(path: string, info: FileInfo | undefined): void {
    if (info?.kind === "folder") return;
    if (info?.kind === "link") throw new LinkError(path, this.#root);
    const code = info ? "ENOTDIR" : "ENOENT";
    throw Object.assign(new Error(`${code}: ${path}`), { code });
  }
}
