/** Walks a folder of inputs. */

import { nextTurn } from "../../runtime/clock.ts";
import { join } from "../../runtime/files/path.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import type { Files } from "../../runtime/files/files.ts";
import type { Entry } from "../../runtime/files/folder.ts";
import { STATE_FOLDER } from "../output/state_folder.ts";
import { isOutputFolder, isStateOfPack, packsAmong } from "./earlier_outputs.ts";
import { type ListedFile, namedFile } from "./listed_file.ts";
import type { OutputNaming } from "./output_naming.ts";
import { sortedByName } from "./sorted_entries.ts";
import type { Warn } from "./source.ts";

/**
 * A folder with more entries is walked in the order of its file system, and no list of it is kept. Up to here, the
 * order is that of the names, which takes at most about 10 MB.
 */
export const SORTED_ENTRIES_MAX = 65_536;

/** How a folder is walked. */
export interface Walk {
  readonly files: Pick<Files, "entries" | "target">;
  /** A folder that is left out. */
  readonly excluded: string;
  /** The pack of this run, which is left out too. */
  readonly pack?: string | undefined;
  /** The core of this run, which is left out too. */
  readonly core?: string | undefined;
  /** Where its log is, which is left out too. */
  readonly logs?: readonly string[] | undefined;
  readonly warn: Warn;
  readonly naming?: OutputNaming | undefined;
  /** Where a link leads below the folder of outputs. */
  readonly linkedOutputs?: (path: string) => Promise<readonly string[]>;
  /** Default: `SORTED_ENTRIES_MAX`. */
  readonly sortedMax?: number;
}

/** A folder that is to be walked. */
interface Folder {
  readonly path: string;
  /** Its path below the root, empty or with a `/` at its end. */
  readonly inside: string;
}

/** Some files, or a folder whose files come next. */
type Step = readonly ListedFile[] | Folder;

/**
 * The files below `folder`, some at a time. Each folder on the way to the current one is a generator, and none of them
 * waits for another: trees may have more levels than a stack has room for.
 */
export async function* walkFolder(
  folder: string,
  options: Walk,
): AsyncIterable<readonly ListedFile[]> {
  const open = [stepsIn({ path: folder, inside: "" }, options)];
  try {
    for (let steps = open.at(-1); steps; steps = open.at(-1)) {
      const { done, value: step } = await steps.next();
      if (done) open.pop();
      else if ("inside" in step) open.push(stepsIn(step, options));
      else yield step;
    }
  } finally {
    await Promise.all(open.map((steps) => steps.return()));
  }
}

/** The files in a folder, some at a time, and the folders in it. */
async function* stepsIn(folder: Folder, options: Walk): AsyncGenerator<Step, void, void> {
  const { path, inside } = folder;
  const listing = inOrder(options.files.entries(path), options.sortedMax)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await nextEntries(listing, path);
      if (next === undefined) return;
      if (typeof next !== "string") yield* stepsAmong(next, folder, options);
      // A failed job rather than a warning: the outputs of these files will be missing.
      else return yield [{ path, name: inside || "/", failure: next }];
    }
  } finally {
    await listing.return?.();
  }
}

/** More entries; `undefined` at the end; the reason if there is an error. */
async function nextEntries(
  listing: AsyncIterator<readonly Entry[]>,
  folder: string,
): Promise<readonly Entry[] | string | undefined> {
  try {
    const { done, value } = await listing.next();
    return done ? undefined : value;
  } catch (error) {
    return `cannot list the folder "${folder}": ${reasonOf(error)}`;
  }
}

/** The entries of a folder, ordered by name unless there are too many. */
async function* inOrder(
  entries: AsyncIterable<readonly Entry[]>,
  sortedMax = SORTED_ENTRIES_MAX,
): AsyncIterable<readonly Entry[]> {
  let first: Entry[] | undefined = [];
  for await (const some of entries) {
    await nextTurn(); // listing a folder of many files takes long
    if (!first) yield some;
    else {
      for (const entry of some) first.push(entry);
      if (first.length <= sortedMax) continue;
      yield first;
      first = undefined;
    }
  }
  if (first) yield await sortedByName(first);
}

/** How many files are listed at once: few, as they are in memory until they are read. */
const FILES_MAX = 256;

/** A pack is recognized if its folder is among the same entries: always, unless there are too many to be sorted. */
async function* stepsAmong(
  entries: readonly Entry[],
  folder: Folder,
  options: Walk,
): AsyncIterable<Step> {
  const { inside } = folder;
  const start = startOf(folder.path);
  const packs = await packsAmong(options.files, entries, start, options.pack);
  let files: ListedFile[] = [];
  for (const entry of entries) {
    const { name, kind } = entry;
    const path = start + name;
    if (packs.has(name)) {
      if (path === options.pack) continue;
      options.warn(`skipping "${path}": it has outputs of another run; name this file to use it`);
    } else if (kind === "folder") {
      if (await isSkippedFolder(path, entry, options)) continue;
      if (files.length > 0) yield files;
      files = [];
      yield { path, inside: `${inside}${name}/` };
    } else if (path === options.core) {
      options.warn(`skipping "${path}": it is the core; name this file to use it as an input`);
    } else if (options.logs?.includes(path)) {
      continue;
    } else if (kind === "file" || await isInput(path, entry, options)) {
      const file = namedFile(path, inside + name, options.naming);
      const linksTo = kind === "link" ? await options.linkedOutputs?.(path) : undefined;
      files.push(linksTo?.length ? { ...file, linksTo } : file);
      if (files.length < FILES_MAX) continue;
      yield files;
      files = [];
    }
  }
  if (files.length > 0) yield files;
}

/** What stands before a name in a folder: joining each path anew would take longer than to read the file. */
export function startOf(folder: string): string {
  return join(folder, "x").slice(0, -1);
}

/**
 * Whether a folder is left out. The outputs of another run are inputs only if their folder is named: whoever names a
 * folder above it may have tried another core there. distcomp's own files never are.
 */
export async function isSkippedFolder(
  path: string,
  { name }: Entry,
  { files, excluded, warn }: Walk,
): Promise<boolean> {
  if (path === excluded || name === STATE_FOLDER) return true;
  if (await isStateOfPack(files, path)) return true;
  if (!await isOutputFolder(files, path)) return false;
  warn(`skipping "${path}": it has outputs of another run; name this folder to use them as inputs`);
  return true;
}

/** Whether an entry that is not a file itself is an input. Warns if it is not. */
export async function isInput(
  path: string,
  { kind }: Entry,
  { files, warn }: Walk,
): Promise<boolean> {
  if (kind !== "link") {
    warn(`skipping "${path}": it is neither a file nor a folder`);
    return false;
  }
  const target = await files.target(path).catch(() => undefined); // a broken link: its job fails
  if (!target || target.kind === "file") return true;
  const why = target.kind === "folder"
    ? "links to folders are not followed" // they could form a cycle
    : "it is a link to what is neither a file nor a folder";
  warn(`skipping "${path}": ${why}`);
  return false;
}
