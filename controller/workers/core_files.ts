/**
 * The files that travel with a core: those that the user names, and libraries that the core finds through `$ORIGIN`.
 * On workers they are laid out as here: libraries where the core looks for them, the others beside it.
 */

import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { originLibraries } from "../../core/origin_libraries.ts";
import { libraryAt, libraryIn } from "./library_file.ts";
import { SIGNATURE_SUFFIX } from "../../core/signature.ts";
import { hasSignatureBeside } from "../../system/signed_file.ts";
import { SETUP_FILES_MAX, type SetupFile } from "../../protocol/mod.ts";
import { CoreFileError } from "../../system/core_file.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import { realPathOf } from "../../runtime/files/folder.ts";
import { systemFiles } from "../../runtime/files/system_files.ts";
import { hashesOfFile } from "../../system/file_hash.ts";

/** A file beside a core. */
export interface CoreFile extends SetupFile {
  /** Where it is on this machine. */
  readonly file: string;
}

/** A file or folder that is to be put beside a core cannot be used. */
class BesideFileError extends CoreFileError {
  constructor(file: string, why: string, options?: ErrorOptions) {
    super(file, why, options);
    this.message = `Cannot send "${file}" with the compute core: ${why}`;
  }
}

/** What is beside a core, and where the core itself is. */
export interface Layout {
  /** The core's path in the layout; empty if nothing is beside it. */
  readonly path: string;
  readonly files: readonly CoreFile[];
}

/** Finds what travels with the core at `core`, and reads it once to identify it. */
export async function filesBeside(
  core: string,
  content: Uint8Array<ArrayBuffer>,
  named: readonly string[],
): Promise<Layout> {
  const place = await placeOf(core);
  const places = new Places(place, resolve(core));
  for (const file of named) {
    const count = await addNamed(places, file, join(dirname(place), basename(resolve(file))));
    if (count === 0) throw new BesideFileError(file, "it has no file");
  }
  for (const library of await originLibraries(place, await libraryIn(content), libraryAt)) {
    places.addLibrary(library);
  }
  if (places.size === 0) return { path: "", files: [] };
  const root = commonFolder([place, ...places.all.keys()]);
  const pathOf = (file: string) => relative(root, file).split(sep).join("/");
  const files: CoreFile[] = [];
  for (const [target, file] of places.all) files.push(await identified(file, pathOf(target)));
  return { path: pathOf(place), files };
}

/** Where a core with this name is: beside the file that a link leads to, where its libraries are. */
async function placeOf(core: string): Promise<string> {
  const path = resolve(core);
  const file = await realPathOf(path).catch(() => path); // whoever reads it says why there is none
  return join(dirname(file), basename(path));
}

/** What is put where. Both are absolute paths as on this machine. */
class Places {
  readonly #core: string;
  readonly #typed: string;
  readonly all = new Map<string, string>();
  /** Files as the user has named them. */
  readonly #names = new Map<string, string>();

  /** `typed`: the core as the user has named it, who may have come by other links. */
  constructor(core: string, typed: string) {
    this.#core = core;
    this.#typed = typed;
  }

  get size(): number {
    return this.all.size;
  }

  /** A library stays where it is, unless the user has named another file for its place. */
  addLibrary(file: string): void {
    if (!this.all.has(file)) this.all.set(file, file);
  }

  /** `name`: the file as the user has named it, or a folder that it is in. */
  add(target: string, name: string): void {
    const file = resolve(name);
    if (target === this.#core) {
      if (file === this.#core || file === this.#typed) return; // a folder that contains the core
      throw new BesideFileError(name, `it has the name of the core`);
    }
    const other = this.all.get(target);
    if (other !== undefined && other !== file) {
      const otherName = this.#names.get(other) ?? other;
      throw new BesideFileError(name, `"${otherName}" would be in the same place beside the core`);
    }
    this.all.set(target, file);
    this.#names.set(file, name);
    if (this.size > SETUP_FILES_MAX) {
      throw new BesideFileError(name, `there are more than ${SETUP_FILES_MAX} files`);
    }
  }
}

/** Resolves to how many files it is. `above`: the folders that it is in, with all links followed. */
async function addNamed(
  places: Places,
  file: string,
  target: string,
  above: readonly string[] = [],
): Promise<number> {
  const stats = await tried(file, stat(file));
  if (stats.isDirectory()) {
    const folder = await tried(file, realpath(file));
    if (above.includes(folder)) throw new BesideFileError(file, "it contains itself");
    let count = 0;
    for (const name of (await tried(file, readdir(file))).toSorted()) {
      count += await addNamed(places, join(file, name), join(target, name), [...above, folder]);
    }
    return count;
  } else if (stats.isFile()) {
    places.add(target, file);
    // Whoever names a folder has named the signatures in it.
    if (above.length === 0 && await hasSignatureBeside(file)) {
      places.add(`${target}${SIGNATURE_SUFFIX}`, `${file}${SIGNATURE_SUFFIX}`);
    }
    return 1;
  } else throw new BesideFileError(file, "it is neither a file nor a folder");
}

/** What a system call gives, or the reason why not, for people. */
async function tried<T>(file: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (cause) {
    throw new BesideFileError(file, reasonOf(cause), { cause });
  }
}

async function identified(file: string, path: string): Promise<CoreFile> {
  const { whole: digest, bytes } = await tried(file, hashesOfFile(systemFiles, file));
  return { file, path, digest, bytes };
}

/** The folder that has all files in it, or in folders below it. */
function commonFolder(files: readonly string[]): string {
  return files.map((file) => dirname(file)).reduce((common, folder) => {
    let shared = common;
    while (shared !== folder && !folder.startsWith(shared.endsWith(sep) ? shared : shared + sep)) {
      shared = dirname(shared);
    }
    return shared;
  });
}
