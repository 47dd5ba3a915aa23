/**
 * Hides single files in folders that a sandbox shows. Their folder is made anew, with all else that is in it. A mount
 * over the file would be gone as soon as somebody replaces the file, and a file that is new would be seen.
 */

import { lstatSync, readdirSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** A folder with more entries is hidden as a whole: bubblewrap takes 9,000 arguments. */
const ENTRIES_MAX = 1_000;

/** What stands for a name that is not UTF-8. It cannot be an argument. */
const REPLACEMENT = "\ufffd";

/** Something that must not be seen, whether it is there or not. */
export interface HiddenFile {
  /** Its folder, which is there, without links in its path. */
  readonly folder: string;
  readonly name: string;
}

/** A folder of the sandbox that is made anew. */
export interface RemadeFolder {
  /** Where it is in the sandbox. */
  readonly at: string;
  readonly folder: string;
  /** What is left out. */
  readonly names: readonly string[];
}

/** What has to be hidden so that nobody reads a file at this path: now, or when it is there. */
export function hiddenAt(path: string): HiddenFile[] {
  let named = path;
  while (named !== "/" && realPathIfThere(dirname(named)) === undefined) named = dirname(named);
  const folder = realPathIfThere(dirname(named));
  const target = realPathIfThere(path); // somewhere else, if it is a link
  return [
    ...folder === undefined ? [] : [{ folder, name: basename(named) }],
    ...target === undefined ? [] : [{ folder: dirname(target), name: basename(target) }],
  ];
}

/** The folders to make anew in a folder that is shown at `at`, the outer ones first. */
export function remadeFolders(hidden: readonly HiddenFile[], at: string): RemadeFolder[] {
  const root = realPathIfThere(at);
  if (root === undefined) return [];
  const inside = hidden.filter(({ folder }) => isAtOrAbove(root, folder));
  const folders = [...new Set(inside.map(({ folder }) => folder))].sort();
  return folders.map((folder) => ({
    at: join(at, folder.slice(root.length)),
    folder,
    names: inside.filter((file) => file.folder === folder).map(({ name }) => name),
  }));
}

/** The arguments of bubblewrap that make a folder anew. It has to be made read-only behind that. */
export function remadeArguments({ at, folder, names }: RemadeFolder): string[] {
  const others = namesIn(folder).filter((name) => !names.includes(name));
  return [
    "--tmpfs",
    at,
    ...others.flatMap((name) => entryArguments(`${folder}/${name}`, `${at}/${name}`)),
  ];
}

function namesIn(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => !name.includes(REPLACEMENT));
    return names.length > ENTRIES_MAX ? [] : names;
  } catch {
    return []; // this user may only open what they know to be there
  }
}

function entryArguments(path: string, at: string): string[] {
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (!info) return [];
  return info.isSymbolicLink()
    ? ["--symlink", readlinkSync(path), at]
    : ["--ro-bind-try", path, at];
}

/** Whether a path is another one, or a folder above it. */
export function isAtOrAbove(path: string, other: string): boolean {
  return path === "/" || other === path || other.startsWith(`${path}/`);
}

/** `undefined` if it is not there. */
export function realPathIfThere(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
