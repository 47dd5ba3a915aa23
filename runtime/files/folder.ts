/** Lists folders and follows links, with names of any bytes. */

import type { Buffer } from "node:buffer";
import type { Dirent } from "node:fs";
import { lstat, readdir, readlink, realpath } from "node:fs/promises";
import { join } from "./path.ts";
import process from "node:process";
import { isUtf8Name, nameOfBytes, REPLACEMENT } from "./file_name.ts";
import { nativePath } from "./native_path.ts";

/** What a name in a folder is. */
export interface Entry {
  readonly name: string;
  readonly kind: "file" | "folder" | "link" | "other";
}

/** A `Dirent` or `Stats`. The types of the package do not need those of Node.js. */
interface Kind {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** Stands for bytes of a name that are not known. */
const UNKNOWN_BYTE = "\udcff";

const TAKES_BYTES = process.versions["deno"] === undefined;

/** The entries of a folder, all at once. */
export async function* entriesOf(folder: string): AsyncIterable<readonly Entry[]> {
  const entries = await readdir(nativePath(folder) as string, { withFileTypes: true });
  if (TAKES_BYTES && entries.some(({ name }) => name.includes(REPLACEMENT))) {
    return yield await exactEntries(folder, entries);
  }
  const all = entries.map((entry) => ({ name: entry.name, kind: entryKindOf(entry) }));
  yield await new ExactNames(folder).corrected(all);
}

/**
 * Finds the names that Deno has damaged: they name no file, or a file that has just this other name. Their bytes are
 * not known, but the name is certainly one that cannot be opened.
 */
export class ExactNames {
  readonly #folder: string;
  readonly #seen = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The entries, where damaged names are replaced by such names. */
  async corrected(entries: readonly Entry[]): Promise<readonly Entry[]> {
    if (!entries.some(({ name }) => name.includes(REPLACEMENT))) return entries;
    return await Promise.all(entries.map((entry) => this.#corrected(entry)));
  }

  async #corrected(entry: Entry): Promise<Entry> {
    const { name, kind } = entry;
    if (!name.includes(REPLACEMENT)) return entry;
    const isFirst = !this.#seen.has(name);
    this.#seen.add(name);
    const isThere = isFirst && await lstat(join(this.#folder, name)).then(() => true, () => false);
    return isThere ? entry : { name: name.replaceAll(REPLACEMENT, UNKNOWN_BYTE), kind };
  }
}

/** Lists a folder again, with the bytes of its names. Bun gives either these or the kinds. */
async function exactEntries(folder: string, entries: readonly Dirent[]): Promise<Entry[]> {
  const kinds = new Map(entries.map((entry) => [entry.name, entryKindOf(entry)]));
  const names = (await readdir(nativePath(folder) as string, { encoding: "buffer" }))
    .map(nameOfBytes);
  return await Promise.all(names.map(async (name) => {
    const kind = isUtf8Name(name) && !name.includes(REPLACEMENT) ? kinds.get(name) : undefined;
    return { name, kind: kind ?? entryKindOf(await lstat(nativePath(join(folder, name)))) };
  }));
}

/** The path with all links followed. */
export async function realPathOf(path: string): Promise<string> {
  const native = nativePath(path);
  if (!TAKES_BYTES) return await realpath(native);
  return nameOfBytes(await realpath(native, { encoding: "buffer" }) as Buffer);
}

/** What a link says. */
export async function linkTextOf(path: string): Promise<string> {
  const native = nativePath(path);
  if (!TAKES_BYTES) return await readlink(native);
  return nameOfBytes(await readlink(native, { encoding: "buffer" }) as Buffer);
}

/** What an entry is. */
function entryKindOf(entry: Kind): Entry["kind"] {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "folder";
  return entry.isSymbolicLink() ? "link" : "other";
}
