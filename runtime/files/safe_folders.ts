/**
 * Folders below one folder, the root, reached without following links. Others may put a link in the place of a folder
 * at any moment; then nothing is done where it leads.
 */

/** Reaches folders below a root. */
export interface SafeFolders {
  /** `act` gets a path of the folder that is good until its promise settles. Rejects with a `LinkError` at a link. */
  use<T>(folder: string, act: (path: string) => Promise<T>): Promise<T>;
  /** The same; the path is good until `act` returns, and so is the number of its descriptor, where there is one. */
  useSync<T>(folder: string, act: (path: string, descriptor?: number) => T): T;
  /** Makes a folder, and those between the root and it. It may exist. */
  make(folder: string): Promise<void>;
  makeSync(folder: string): void;
  close(): void;
}

/** There is a link where a folder or a file should be. */
export class LinkError extends Error {
  override name = "LinkError";

  constructor(path: string, root: string) {
    super(
      `"${path}" is a link, and links inside "${root}" are not followed; ` +
        "remove it, or put what it leads to in its place",
    );
  }
}
