/**
 * The names of the entries of a pack that is unpacked to files. A name must not be that of a folder of another one:
 * a file and a folder cannot both have it, and whatever comes second could not be unpacked.
 */

import { bytesOfName } from "../../../runtime/files/file_name.ts";
import { OutputNameError } from "../sink_errors.ts";
import { isInStateFolder } from "../state_folder.ts";
import { NameIndex } from "../journal/name_index.ts";

/** A part of a path, and a whole path, can have so many bytes on Linux. */
const PART_BYTES_MAX = 255;
const PATH_BYTES_MAX = 4095;

/** A character takes at most this many bytes. */
const CHAR_BYTES_MAX = 3;

/** It would lead out of its folder, or name a folder: a part of it is empty, `.` or `..`. */
const NO_PATH = /(^|\/)\.{0,2}(\/|$)|\0/;

/** Whether it names a file in a folder, and not one in a folder below it. Asked for each job: most names are like that. */
export function isPlainName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !name.includes("/") &&
    !name.includes("\0");
}

/** Throws an `OutputNameError` if no file can have this path below a folder. */
export function checkIsPath(name: string): void {
  const why = reasonAgainst(name);
  if (why !== undefined) {
    throw new OutputNameError(`its output cannot be called "${name}" in a tar: ${why}`);
  }
}

function reasonAgainst(name: string): string | undefined {
  if (!isPlainName(name) && NO_PATH.test(name)) return "that is not a path below a folder";
  if (isInStateFolder(name)) return "that is reserved for distcomp's own files";
  if (CHAR_BYTES_MAX * name.length <= PART_BYTES_MAX) return undefined;
  const parts = name.split("/").map((part) => bytesOfName(part).byteLength);
  const longest = Math.max(...parts);
  if (longest > PART_BYTES_MAX) return `a name of ${longest} bytes is too long for a file`;
  const bytes = parts.reduce((sum, part) => sum + part + 1, -1);
  return bytes > PATH_BYTES_MAX ? `a path of ${bytes} bytes is too long for a file` : undefined;
}

/** What a pack has from earlier runs. */
export interface EarlierNames {
  /** Whether it has an entry for this job. */
  hasEntry(name: string): boolean;
  /** Whether it has an entry in this folder. */
  hasFolder(name: string): boolean;
}

/** The names in one pack. A million take 21 MB. */
export class PathNames {
  readonly #earlier: EarlierNames | undefined;
  readonly #files = new NameIndex();
  readonly #folders = new NameIndex();

  constructor(earlier?: EarlierNames) {
    this.#earlier = earlier;
  }

  /** Adds a name. Throws an `OutputNameError` if it cannot be unpacked beside the others. */
  add(name: string): void {
    if (this.#isFolder(name)) {
      throw new OutputNameError(
        `its output cannot be called "${name}" in this pack: other outputs are in a folder "${name}"`,
      );
    }
    const first = name.indexOf("/");
    if (first >= 0) this.#addFolders(name, first);
    this.#files.append(name);
  }

  /** `first`: the end of the first folder in the name. */
  #addFolders(name: string, first: number): void {
    const folders: string[] = [];
    for (let end = first; end >= 0; end = name.indexOf("/", end + 1)) {
      folders.push(name.slice(0, end));
    }
    const file = folders.find((folder) => this.#isFile(folder));
    if (file !== undefined) {
      throw new OutputNameError(
        `its output cannot be called "${name}" in this pack: another output is called "${file}"`,
      );
    }
    for (const folder of folders) this.#folders.add(folder);
  }

  #isFolder(name: string): boolean {
    if (this.#folders.size > 0 && this.#folders.find(name) !== undefined) return true;
    return this.#earlier?.hasFolder(name) ?? false;
  }

  #isFile(name: string): boolean {
    if (this.#folders.find(name) !== undefined) return false; // it was looked up before
    return this.#files.find(name) !== undefined || (this.#earlier?.hasEntry(name) ?? false);
  }
}
