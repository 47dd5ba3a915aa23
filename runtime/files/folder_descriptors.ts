/**
 * Folders as descriptors, on Linux: `/proc/self/fd/N/NAME` is a file in the folder that was opened as N, whatever
 * becomes of its path. Each folder is opened in the one above it, and not through a link. Some stay open, because most
 * outputs go into the same few folders.
 */

import { codeOf } from "../error_text.ts";
import type { Files, OpenFolder } from "./files.ts";
import { basename, dirname } from "./path.ts";
import { LinkError, type SafeFolders } from "./safe_folders.ts";

/**
 * Folders that stay open. Opening one again costs 15 µs. Systems often allow 1,024 descriptors at first, and a run
 * needs one for each worker too.
 */
export const OPEN_FOLDERS_MAX = 128;

/** What opens folders. */
type FolderOpener = Files & Required<Pick<Files, "openFolder" | "openFolderSync">>;

/** An open folder, closed when it is neither kept nor used: its number may then stand for another file. */
class KeptFolder {
  readonly #opened: OpenFolder;
  #uses = 1;
  #isKept = true;

  constructor(opened: OpenFolder) {
    this.#opened = opened;
  }

  get path(): string {
    return this.#opened.path;
  }

  get descriptor(): number {
    return this.#opened.descriptor;
  }

  acquire(): this {
    this.#uses += 1;
    return this;
  }

  release(): void {
    this.#uses -= 1;
    this.#closeIfUnused();
  }

  drop(): void {
    this.#isKept = false;
    this.#closeIfUnused();
  }

  #closeIfUnused(): void {
    if (this.#uses === 0 && !this.#isKept) this.#opened.close();
  }
}

/** The folders below a root that is open. */
export class FolderDescriptors implements SafeFolders {
  readonly #files: FolderOpener;
  readonly #rootPath: string;
  readonly #root: KeptFolder;
  /** By their paths; the one that was used last is the last. */
  readonly #kept = new Map<string, KeptFolder>();
  /** The last of them. */
  #last: string | undefined;
  readonly #opening = new Map<string, Promise<KeptFolder>>();
  #isClosed = false;

  private constructor(files: FolderOpener, rootPath: string, root: OpenFolder) {
    this.#files = files;
    this.#rootPath = rootPath;
    this.#root = new KeptFolder(root);
    this.#root.release();
  }

  /** Opens the root, which may be a link itself. `undefined` where the system has no paths of descriptors. */
  static async open(files: Files, rootPath: string): Promise<FolderDescriptors | undefined> {
    if (!files.openFolder || !files.openFolderSync) return undefined;
    const root = await files.openFolder(`${rootPath}/.`);
    if (leadsToFolder(files, root.path)) {
      return new FolderDescriptors(files as FolderOpener, rootPath, root);
    }
    root.close();
    return undefined;
  }

  async use<T>(folder: string, act: (path: string) => Promise<T>): Promise<T> {
    const opened = this.#known(folder) ?? await this.#openOnce(folder);
    try {
      return await act(opened.path);
    } finally {
      opened.release();
    }
  }

  useSync<T>(folder: string, act: (path: string, descriptor: number) => T): T {
    const opened = this.#known(folder) ?? this.#openSync(folder);
    try {
      return act(opened.path, opened.descriptor);
    } finally {
      opened.release();
    }
  }

  /** Opens the folder again even if it is open: somebody may have removed it since. */
  async make(folder: string): Promise<void> {
    if (folder === this.#rootPath) return;
    if (!this.#has(dirname(folder))) await this.make(dirname(folder));
    try {
      (await this.#open(folder)).release();
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
      await this.make(dirname(folder));
      await this.use(
        dirname(folder),
        (above) => this.#files.makeFolder(`${above}/${basename(folder)}`),
      );
      (await this.#open(folder)).release();
    }
  }

  makeSync(folder: string): void {
    if (folder === this.#rootPath) return;
    if (!this.#has(dirname(folder))) this.makeSync(dirname(folder));
    try {
      this.#openSync(folder).release();
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
      this.makeSync(dirname(folder));
      this.useSync(
        dirname(folder),
        (above) => this.#files.makeFolderSync(`${above}/${basename(folder)}`),
      );
      this.#openSync(folder).release();
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const folder of this.#kept.values()) folder.drop();
    this.#kept.clear();
    this.#root.drop();
  }

  /** Otherwise each of many new folders would be looked for from the nearest open one on. */
  #has(folder: string): boolean {
    return folder === this.#rootPath || this.#kept.has(folder);
  }

  #known(folder: string): KeptFolder | undefined {
    if (this.#isClosed) throw new Error(`"${this.#rootPath}" is closed`);
    if (folder === this.#rootPath) return this.#root.acquire();
    const known = this.#kept.get(folder);
    if (!known) return undefined;
    if (folder !== this.#last) {
      this.#kept.delete(folder);
      this.#kept.set(folder, known);
      this.#last = folder;
    }
    return known.acquire();
  }

  /** Opens a folder that others may be opening, too: with a deep one, each would displace what another has just opened. */
  async #openOnce(folder: string): Promise<KeptFolder> {
    const others = this.#opening.get(folder);
    if (others) {
      await others;
      return this.#known(folder) ?? await this.#openOnce(folder);
    }
    const opening = this.#open(folder);
    this.#opening.set(folder, opening);
    try {
      return await opening;
    } finally {
      this.#opening.delete(folder);
    }
  }

  async #open(folder: string): Promise<KeptFolder> {
    return await this.use(dirname(folder), async (above) => {
      const path = `${above}/${basename(folder)}`;
      try {
        return this.#keep(folder, await this.#files.openFolder(path));
      } catch (error) {
        throw this.#reasonFor(error, path, folder);
      }
    });
  }

  #openSync(folder: string): KeptFolder {
    return this.useSync(dirname(folder), (above) => {
      const path = `${above}/${basename(folder)}`;
      try {
        return this.#keep(folder, this.#files.openFolderSync(path));
      } catch (error) {
        throw this.#reasonFor(error, path, folder);
      }
    });
  }

  #keep(folder: string, opened: OpenFolder): KeptFolder {
    this.#kept.get(folder)?.drop();
    this.#kept.delete(folder);
    const kept = new KeptFolder(opened);
    this.#kept.set(folder, kept);
    this.#last = folder;
    const [oldest] = this.#kept;
    if (this.#kept.size > OPEN_FOLDERS_MAX && oldest) {
      this.#kept.delete(oldest[0]);
      oldest[1].drop();
    }
    return kept;
  }

  /** The system says of a link only that it is not a folder. */
  #reasonFor(error: unknown, path: string, folder: string): unknown {
    const isLink = codeOf(error) === "ENOTDIR" && this.#files.infoSync(path)?.kind === "link";
    return isLink ? new LinkError(folder, this.#rootPath) : error;
  }
}

/** Whether a path of a descriptor can be used: there may be no `/proc`, and Deno may use it with all permissions only. */
function leadsToFolder(files: Files, path: string): boolean {
  try {
    return files.infoSync(`${path}/.`)?.kind === "folder";
  } catch {
    return false;
  }
}
