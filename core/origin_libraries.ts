/** Finds the libraries that a library takes from folders that it names relative to itself, through `$ORIGIN`. */

import type { ElfLibrary } from "./elf_library.ts";

/** No core brings more. */
const LIBRARIES_MAX = 1_000;

/** Libraries of the system itself: a program with two of one kind does not work. */
const OF_SYSTEM =
  /^(ld-linux.*|lib(c|m|dl|rt|pthread|util|resolv|nsl|anl|nss_.*|thread_db|BrokenLocale))\.so(\.\d+)*$/;

const ORIGIN = /^\$(?:ORIGIN\b|\{ORIGIN\})(?=\/|$)/;

/** A file that the loader would take for a library. */
export interface LibraryFile {
  /** What it says of itself; `undefined` if it is no ELF library, or damaged. */
  readonly library: ElfLibrary | undefined;
}

/** Reads what a file says of itself; `undefined` if there is none. */
export type ReadLibrary = (path: string) => Promise<LibraryFile | undefined>;

/** A library whose needs are still to be looked at. */
interface Found extends LibraryFile {
  readonly path: string;
  /** Folders of those that need it, which count unless it has a `runpath` itself. */
  readonly inherited: readonly string[];
}

/**
 * The paths of the libraries that the one at `path` needs and has in folders relative to itself, and that those
 * need in the same way. Empty for what is not an ELF library.
 */
export async function originLibraries(
  path: string,
  library: ElfLibrary | undefined,
  read: ReadLibrary,
): Promise<string[]> {
  const queue: Found[] = [{ path, library, inherited: [] }];
  const paths = new Set<string>();
  for (const found of queue) {
    if (!found.library) continue;
    const { own, passedOn } = foldersOf(found.library, found);
    for (const name of found.library.needed) {
      if (OF_SYSTEM.test(name) || paths.size >= LIBRARIES_MAX) continue;
      const next = await firstOf(candidates(name, own, found.path), read);
      if (!next || next.path === path || paths.has(next.path)) continue;
      paths.add(next.path);
      queue.push({ ...next, inherited: passedOn });
    }
  }
  return [...paths];
}

/** Where a library looks for others. What has no `runpath` looks also where those look that need it. */
function foldersOf(
  { runpath, rpath }: ElfLibrary,
  { path, inherited }: Found,
): { readonly own: readonly string[]; readonly passedOn: readonly string[] } {
  if (runpath !== undefined) return { own: inOrigin(runpath, path), passedOn: inherited };
  const folders = [...inOrigin(rpath ?? "", path), ...inherited];
  return { own: folders, passedOn: folders };
}

function inOrigin(list: string, path: string): string[] {
  return list.split(":").filter((folder) => ORIGIN.test(folder))
    .map((folder) => expanded(folder, path));
}

function candidates(name: string, folders: readonly string[], path: string): string[] {
  if (ORIGIN.test(name)) return [expanded(name, path)];
  return name.includes("/") ? [] : folders.map((folder) => normal(`${folder}/${name}`));
}

function expanded(text: string, path: string): string {
  return normal(text.replace(ORIGIN, () => path.slice(0, path.lastIndexOf("/"))));
}

/** An absolute path without `.` and `..`. */
function normal(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

async function firstOf(
  paths: readonly string[],
  read: ReadLibrary,
): Promise<LibraryFile & { readonly path: string } | undefined> {
  for (const path of paths) {
    const file = await read(path);
    if (file) return { path, library: file.library };
  }
  return undefined;
}
