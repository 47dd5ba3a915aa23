/**
 * The files below one folder, the root. Links there are not followed: neither in the place of a folder nor of a file,
 * whenever somebody has put them there. The root itself may be a link, and so may what is above it.
 */

import { CheckedFolders } from "./checked_folders.ts";
import type { DirectFiles } from "./direct_files.ts";
import { codeOf } from "../error_text.ts";
import type { FileInfo, Files, OpenFile, OpenFolder } from "./files.ts";
import { FolderDescriptors } from "./folder_descriptors.ts";
import { normalize } from "./path.ts";
import { LinkError, type SafeFolders } from "./safe_folders.ts";

/** What can be done in a folder, with paths that begin with the path of the root. */
export interface FolderFiles extends
  Pick<
    Files,
    | "openToRead"
    | "openToAppend"
    | "create"
    | "createSync"
    | "rename"
    | "renameSync"
    | "link"
    | "makeFolder"
    | "makeFolderSync"
    | "list"
    | "info"
    | "unlink"
    | "unlinkSync"
    | "remove"
  > {
  /** The size of a file, at once; `undefined` if there is none. Only where it can be known within microseconds. */
  fileBytesSync?(path: string): number | undefined;
}

/** A folder below another one, as another process may open it. Both paths are absolute. */
export interface FolderBelow {
  readonly root: string;
  readonly path: string;
}

/** A part of a path that is not a name: it is empty, `.` or `..`. */
const NO_NAME = /(^|\/)\.{0,2}(\/|$)/;

/** The files below a root. Operations fail with a `LinkError` at a link. */
export class FilesBelow implements FolderFiles {
  readonly #files: Files;
  readonly #root: string;
  /** How the paths of all other files begin. */
  readonly #start: string;
  readonly #folders: SafeFolders;
  readonly #direct: DirectFiles | undefined;
  /** See `FolderFiles`. */
  readonly fileBytesSync?: (path: string) => number | undefined;

  private constructor(files: Files, root: string, folders: SafeFolders) {
    this.#files = files;
    this.#root = root;
    this.#start = root === "." ? "" : root.endsWith("/") ? root : `${root}/`;
    this.#folders = folders;
    const direct = this.#direct = files.direct;
    if (direct && folders instanceof FolderDescriptors) {
      this.fileBytesSync = (path) => this.#fileBytes(direct, path);
    }
  }

  /** Opens a folder that exists. */
  static async open(files: Files, folder: string): Promise<FilesBelow> {
    const root = withoutEndingSlash(normalize(folder));
    const own = await files.onDiskOf?.(root) ?? files;
    const folders = await FolderDescriptors.open(own, root) ?? new CheckedFolders(own, root);
    return new FilesBelow(own, root, folders);
  }

  /** To be called when no operation is under way any more. */
  close(): void {
    this.#folders.close();
  }

  openToRead(path: string): Promise<OpenFile> {
    return this.#opened(path, (at) => this.#files.openToRead(at, "refused"));
  }

  openToAppend(path: string, isEmptied: boolean, mode?: number): Promise<OpenFile> {
    return this.#opened(path, (at) => this.#files.openToAppend(at, isEmptied, mode, "refused"));
  }

  /** A new file is made only where there is nothing, not even a link. */
  create(path: string, content: Uint8Array | string, mode?: number): Promise<void> {
    return this.#at(path, (at) => this.#files.create(at, content, mode));
  }

  createSync(path: string, content: Uint8Array, mode?: number): void {
    const direct = this.#direct;
    this.#inFolderSync(path, (name, at, folder) => {
      if (direct && folder !== undefined) direct.create(folder, name, content, mode);
      else this.#files.createSync(`${at}/${name}`, content, mode);
    });
  }

  /** Replaces a link that has the new name. */
  rename(path: string, newPath: string): Promise<void> {
    return this.#at(path, (at) => this.#at(newPath, (newAt) => this.#files.rename(at, newAt)));
  }

  renameSync(path: string, newPath: string): void {
    const direct = this.#direct;
    this.#inFolderSync(
      path,
      (name, at, folder) =>
        this.#inFolderSync(newPath, (newName, newAt, newFolder) => {
          if (direct && folder !== undefined && newFolder !== undefined) {
            direct.rename(folder, name, newFolder, newName);
          } else this.#files.renameSync(`${at}/${name}`, `${newAt}/${newName}`);
        }),
    );
  }

  link(path: string, newPath: string): Promise<void> {
    return this.#at(path, (at) => this.#at(newPath, (newAt) => this.#files.link(at, newAt)));
  }

  makeFolder(path: string): Promise<void> {
    return this.#folders.make(this.#inside(path));
  }

  makeFolderSync(path: string): void {
    this.#folders.makeSync(this.#inside(path));
  }

  list(path: string): Promise<string[]> {
    return this.#folders.use(this.#inside(path), (at) => this.#files.list(`${at}/.`));
  }

  info(path: string): Promise<FileInfo> {
    return this.#at(path, (at) => this.#files.info(at));
  }

  unlink(path: string): Promise<void> {
    return this.#at(path, (at) => this.#files.unlink(at));
  }

  unlinkSync(path: string): void {
    this.#inFolderSync(path, (name, at) => this.#files.unlinkSync(`${at}/${name}`));
  }

  /** Removes everything itself: how the runtimes walk through folders is not known. */
  async remove(path: string): Promise<void> {
    try {
      if ((await this.info(path)).kind !== "folder") return await this.unlink(path);
      for (const name of await this.list(path)) await this.remove(`${path}/${name}`);
      await this.#at(path, (at) => this.#files.removeEmptyFolder(at));
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
  }

  /** Keeps a folder open, so that its path leads this process to it whatever lies at its old path. */
  async holdFolder(path: string): Promise<Pick<OpenFolder, "path" | "close">> {
    const { promise: closed, resolve: close } = Promise.withResolvers<void>();
    const { promise: opened, resolve, reject } = Promise.withResolvers<string>();
    this.#folders.use(this.#inside(path), (at) => {
      resolve(at);
      return closed;
    }).catch(reject);
    return { path: await opened, close };
  }

  #fileBytes(direct: DirectFiles, path: string): number | undefined {
    try {
      return this.#inFolderSync(
        path,
        (name, _, folder) => direct.fileBytes(folder as number, name),
      );
    } catch {
      return undefined; // its folder is missing, or is a link
    }
  }

  #at<T>(path: string, act: (at: string) => Promise<T>): Promise<T> {
    const { folder, name } = this.#split(path);
    return this.#folders.use(folder, (at) => act(`${at}/${name}`));
  }

  /** `act` gets the name of a file, and the path of its folder, with its descriptor where it has one. */
  #inFolderSync<T>(path: string, act: (name: string, at: string, descriptor?: number) => T): T {
    const { folder, name } = this.#split(path);
    return this.#folders.useSync(folder, (at, descriptor) => act(name, at, descriptor));
  }

  async #opened(path: string, open: (at: string) => Promise<OpenFile>): Promise<OpenFile> {
    const file = await this.#at(path, open).catch((error) => {
      throw codeOf(error) === "ELOOP" ? new LinkError(path, this.#root) : error;
    });
    if ((await file.info()).kind === "file") return file;
    await file.close(); // a device or a pipe may have no end
    throw new Error("it is not a file");
  }

  /** A file below the root. Each output is split twice, so this does not use `node:path`. */
  #split(path: string): { readonly folder: string; readonly name: string } {
    const inside = this.#inside(path);
    const at = inside.lastIndexOf("/");
    const isInRoot = at < this.#start.length;
    if (isInRoot && inside === this.#root) throw new Error(`"${path}" is the folder itself`);
    return { folder: isInRoot ? this.#root : inside.slice(0, at), name: inside.slice(at + 1) };
  }

  /** The path, if it is the root or below it. Names come from inputs. */
  #inside(path: string): string {
    if (this.#isBelow(path)) return path;
    const normal = withoutEndingSlash(normalize(path));
    if (normal === this.#root || this.#isBelow(normal)) return normal;
    throw new Error(`"${path}" is not inside "${this.#root}"`);
  }

  #isBelow(path: string): boolean {
    return path.startsWith(this.#start) && !NO_NAME.test(path.slice(this.#start.length));
  }
}

function withoutEndingSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}
