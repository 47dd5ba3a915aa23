/**
 * Searches for the libraries that a core needs, in the places where glibc's loader does, and for the versions of
 * symbols that it needs of them. The loader itself stops at the first that is missing.
 *
 * It is never stricter than the loader: where it does not know, it says that nothing is missing.
 */

import os from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { type ElfLibrary, readElfLibrary } from "../../core/elf_library.ts";
import type { Lacking } from "../../core/lacking.ts";
import { parseLoaderCache } from "../../core/loader_cache.ts";
import type { Files } from "../../runtime/files/files.ts";
import { host } from "../../system/host.ts";
import { withFileBytes } from "./file_bytes.ts";

/** Where glibc's loader is. Another loader, such as musl's or that of Nix, searches in other places. */
const LOADER = /^\/lib(64)?\/ld-linux[^/]*\.so\.\d$|^\/lib(64)?\/ld64\.so\.\d$/;

const CACHE_PATH = "/etc/ld.so.cache";

/** A core with this many libraries is not searched any further. */
const LIBRARIES_MAX = 2_000;

/**
 * Files that are looked for. A library may name thousands of others, and as many folders for each of them; real ones
 * take some hundred looks.
 */
const LOOKS_MAX = 20_000;

/** Below each folder, the loader looks here first. */
const FOLDERS_BELOW = [
  "",
  "glibc-hwcaps/x86-64-v4",
  "glibc-hwcaps/x86-64-v3",
  "glibc-hwcaps/x86-64-v2",
];

/** A file that is a library, but no one that can be read here. */
const UNREADABLE = "unreadable";

/** A library that the loader would load. */
interface Loaded {
  /** As another library names it; `undefined` for the core. */
  readonly name: string | undefined;
  readonly path: string;
  readonly library: ElfLibrary;
  /** The library that needs it. */
  readonly parent: Loaded | undefined;
}

/** What the loader of this process works with. */
interface LoaderSettings {
  readonly executable: ElfLibrary;
  readonly cache: ReadonlyMap<string, readonly string[]>;
  /** Folders for all libraries. */
  readonly libraryPath: string;
}

/** How to search. */
export interface SearchOptions {
  /** Folders for all libraries. */
  readonly libraryPath?: string;
  /** Nobody waits for the result any more. */
  readonly late?: AbortSignal | undefined;
}

/** What this machine lacks to load the library at `path`; `undefined` if that cannot be known. */
export async function searchLibraries(
  files: Files,
  path: string,
  { libraryPath = process.env.LD_LIBRARY_PATH ?? "", late }: SearchOptions = {},
): Promise<Lacking | undefined> {
  const settings = await loaderSettings(files, libraryPath);
  const library = await readLibrary(files, path);
  if (!settings || !library || library === UNREADABLE) return undefined;
  const core = { name: undefined, path, library, parent: undefined };
  return await new Search(files, settings, core, late).lacking();
}

async function loaderSettings(
  files: Files,
  libraryPath: string,
): Promise<LoaderSettings | undefined> {
  const executable = await readLibrary(files, "/proc/self/exe");
  if (!executable || executable === UNREADABLE) return undefined;
  if (!LOADER.test(executable.interpreter ?? "")) return undefined;
  const cache = await readCache(files);
  return cache && { executable, cache, libraryPath };
}

/** The loader works without its cache, but not we if we cannot read it. */
async function readCache(files: Files): Promise<LoaderSettings["cache"] | undefined> {
  if (!files.infoSync(CACHE_PATH)) return new Map();
  const content = await withFileBytes(files, CACHE_PATH, (bytes) => bytes.read(0, bytes.size));
  return content && parseLoaderCache(content, os.endianness() === "LE");
}

/** `undefined` if there is no such file. */
async function readLibrary(
  files: Files,
  path: string,
): Promise<ElfLibrary | typeof UNREADABLE | undefined> {
  return await withFileBytes(
    files,
    path,
    async (bytes) => await readElfLibrary(bytes) ?? UNREADABLE,
  );
}

class Search {
  readonly #files: Files;
  readonly #settings: LoaderSettings;
  readonly #core: Loaded;
  readonly #late: AbortSignal | undefined;
  /** What has been found, by all of its names; `undefined` for what is missing or cannot be read. */
  readonly #byName = new Map<string, Loaded | undefined>();
  readonly #missing: Lacking["libraries"][number][] = [];
  #looks = 0;

  constructor(files: Files, settings: LoaderSettings, core: Loaded, late?: AbortSignal) {
    this.#files = files;
    this.#settings = settings;
    this.#core = core;
    this.#late = late;
  }

  async lacking(): Promise<Lacking> {
    const queue = [this.#core];
    for (const loaded of queue) {
      for (const name of loaded.library.needed) {
        if (this.#byName.has(name) || this.#byName.size >= LIBRARIES_MAX) continue;
        const found = await this.#find(name, loaded);
        if (this.#hasEnded) return { libraries: [], versions: [] }; // nobody knows
        if (found === undefined) this.#missing.push({ name, neededBy: loaded.name });
        const next = found === UNREADABLE ? undefined : found;
        this.#byName.set(name, next);
        if (!next) continue;
        if (next.library.soname !== undefined) this.#byName.set(next.library.soname, next);
        queue.push(next);
      }
    }
    return {
      libraries: this.#missing,
      versions: queue.flatMap((loaded) => this.#versions(loaded)),
    };
  }

  #versions({ name: neededBy, library }: Loaded): Lacking["versions"][number][] {
    return library.versionsNeeded.flatMap(({ library: name, versions }) => {
      const defined = this.#byName.get(name)?.library.versionsDefined;
      const missing = defined ? versions.filter((version) => !defined.has(version)) : [];
      return defined && missing.length > 0 ? [{ library: name, missing, defined, neededBy }] : [];
    });
  }

  async #find(name: string, parent: Loaded): Promise<Loaded | typeof UNREADABLE | undefined> {
    for (const path of this.#candidates(name, parent)) {
      this.#looks += 1;
      if (this.#hasEnded) return undefined;
      const library = await readLibrary(this.#files, path);
      if (library === UNREADABLE) return UNREADABLE;
      if (!library || !isSameKind(library, this.#core.library)) continue;
      return { name, path, library, parent };
    }
    return undefined;
  }

  get #hasEnded(): boolean {
    return this.#looks > LOOKS_MAX || this.#late?.aborted === true;
  }

  *#candidates(name: string, parent: Loaded): Iterable<string> {
    if (name.includes("/")) return yield* expanded(name, dirname(parent.path));
    const folders = [
      ...this.#rpaths(parent),
      ...foldersIn(this.#settings.libraryPath, ""),
      ...foldersIn(parent.library.runpath, dirname(parent.path)),
    ];
    for (const folder of [...folders, ...defaultFolders()]) {
      for (const below of FOLDERS_BELOW) yield join(folder, below, name);
    }
    yield* this.#settings.cache.get(name) ?? [];
  }

  /** A library passes its `rpath` on to those that it needs. */
  #rpaths(parent: Loaded): string[] {
    if (parent.library.runpath !== undefined) return [];
    const folders: string[] = [];
    for (let loaded: Loaded | undefined = parent; loaded; loaded = loaded.parent) {
      if (loaded.library.runpath !== undefined) continue;
      folders.push(...foldersIn(loaded.library.rpath, dirname(loaded.path)));
    }
    const { rpath } = this.#settings.executable;
    return [...folders, ...foldersIn(rpath, dirname(process.execPath))];
  }
}

function isSameKind(one: ElfLibrary, other: ElfLibrary): boolean {
  return one.isWide === other.isWide && one.machine === other.machine;
}

function foldersIn(list: string | undefined, origin: string): string[] {
  if (!list) return [];
  return list.split(/[:;]/).flatMap((folder) => expanded(folder === "" ? "." : folder, origin));
}

/** Paths for one that contains `$ORIGIN`, `$LIB` or `$PLATFORM`. */
function expanded(path: string, origin: string): string[] {
  const { machine } = host();
  const here = path.replace(/\$(ORIGIN\b|\{ORIGIN\})/g, () => origin)
    .replace(/\$(PLATFORM\b|\{PLATFORM\})/g, machine);
  const lib = /\$(LIB\b|\{LIB\})/g;
  if (!lib.test(here)) return [here];
  return [`lib/${machine}-linux-gnu`, "lib64", "lib"].map((folder) => here.replace(lib, folder));
}

function defaultFolders(): string[] {
  return [`lib/${host().machine}-linux-gnu`, "lib64", "lib"]
    .flatMap((folder) => [`/${folder}`, `/usr/${folder}`]);
}
