/** Lists the files that a command line names: files, folders, and the list on stdin. */

import { type Clock, systemClock } from "../../runtime/clock.ts";
import { basename, join } from "../../runtime/files/path.ts";
import { nameOfBytes } from "../../runtime/files/file_name.ts";
import type { Files } from "../../runtime/files/files.ts";
import { type Ending, readLines } from "./file_lines.ts";
import { linkedOutputs, LinkFinder } from "./linked_outputs.ts";
import { type ListedFile, namedFile } from "./listed_file.ts";
import type { OutputNaming } from "./output_naming.ts";
import { ownFilesIn } from "./own_files.ts";
import {
  isInside,
  nameOfListed,
  OVERWRITES_ITSELF,
  OVERWRITES_OTHER,
  placesOf,
  realPath,
  withRealParent,
} from "./paths.ts";
import { RealParents } from "./real_parents.ts";
import type { Warn } from "./source.ts";
import { walkFolder } from "./walk.ts";

/** How many files that are named one by one are listed at once. */
const NAMED_MAX = 64;

/** How many files of a list are looked at concurrently: enough to hide a file server's latency. */
const LOOKS_MAX = 16;

/** No system takes longer paths. */
const PATH_BYTES_MAX = 4_096;

/** What is shown of a line that is longer. */
const SHOWN_CHARS = 60;

const NO_PATH = "no path is so long; is it a list, with one file per line (-0: per zero byte)? " +
  "For a job per line, use --lines";

/** Which files are inputs. */
export interface FileListing {
  readonly files: Files;
  /** Files and folders; `-` is a list on stdin. */
  readonly paths: readonly string[];
  /** The output folder. Files in it are not inputs. */
  readonly outputs: string;
  /** The pack of the outputs, if there is one. It is not an input either. */
  readonly pack?: string | undefined;
  /** The core. In a folder of inputs, it is none. */
  readonly core?: string | undefined;
  /** The file that the run writes its log to. It is not an input. */
  readonly log?: string | undefined;
  readonly warn: Warn;
  readonly naming?: OutputNaming | undefined;
  /** What ends a name in the list; a line feed if it is missing. */
  readonly listEnding?: Ending | undefined;
  readonly clock?: Clock | undefined;
}

/** All files in order, some at a time: those that are known before the next ones may take a while. */
export async function* listFiles(
  listing: FileListing,
): AsyncIterable<readonly ListedFile[]> {
  const { files, paths, outputs } = listing;
  const realOutputs = await realPath(files, outputs);
  const named = paths.filter((path) => path !== "-");
  const inOutputs = await placesInOutputs(files, named, realOutputs);
  const listed = listPaths(listing, realOutputs);
  // Inputs inside the output folder are rare: all other runs skip the check for each file.
  yield* inOutputs.length === 0 ? listed : refuseOverwriting(listed, inOutputs, realOutputs);
}

/** Where inputs are inside the output folder, or lead through it. */
async function placesInOutputs(
  files: Files,
  paths: readonly string[],
  realOutputs: string,
): Promise<string[]> {
  const parents = new RealParents(files);
  const places = await Promise.all(paths.map(async (path) => {
    const place = await parents.withReal(path);
    const own = isInside(place, realOutputs) ? [place] : [];
    if (place === await realPath(files, path)) return own;
    const linked = await linkedOutputs(files, path, realOutputs);
    return [...own, ...linked.map((name) => join(realOutputs, name))];
  }));
  return places.flat();
}

/** Fails files whose output would overwrite one of the `inputs`, or a file in a folder among them. */
async function* refuseOverwriting(
  batches: AsyncIterable<readonly ListedFile[]>,
  inputs: readonly string[],
  realOutputs: string,
): AsyncIterable<readonly ListedFile[]> {
  const refused = (file: ListedFile): ListedFile => {
    const output = join(realOutputs, file.name);
    const overwrites = inputs.some((input) => input === output || isInside(output, input));
    return overwrites ? { ...file, failure: OVERWRITES_OTHER } : file;
  };
  for await (const files of batches) yield files.map(refused);
}

async function* listPaths(
  listing: FileListing,
  realOutputs: string,
): AsyncIterable<readonly ListedFile[]> {
  const { files, warn, naming } = listing;
  let named: ListedFile[] = [];
  for (const path of listing.paths) {
    const isFile = path !== "-" && (await files.target(path)).kind !== "folder";
    if (isFile) named.push(namedFile(path, basename(path), naming));
    if (named.length > (isFile ? NAMED_MAX : 0)) {
      yield named;
      named = [];
    }
    if (isFile) continue;
    if (path === "-") yield* listStdin(listing, realOutputs);
    else {
      const own = await ownFilesIn(files, path, listing);
      const linkedTo = (link: string) => linkedOutputs(files, link, realOutputs);
      yield* walkFolder(path, { files, ...own, warn, naming, linkedOutputs: linkedTo });
    }
  }
  if (named.length > 0) yield named;
}

/** The files listed on stdin. Outputs of earlier runs, which `find` may list too, are skipped. */
async function* listStdin(
  listing: FileListing,
  realOutputs: string,
): AsyncIterable<readonly ListedFile[]> {
  const { files, pack, log, clock = systemClock, warn } = listing;
  const written = new Set(log === undefined ? [] : await placesOf(files, log));
  if (pack !== undefined) written.add(await withRealParent(files, pack));
  const links = new LinkFinder(files, clock);
  let hasWarned = false;
  let lineNumber = 0;
  for await (const lines of readLines("-", listing.listEnding)) {
    const listed: ListedFile[] = [];
    const parents = new RealParents(files);
    const paths: string[] = [];
    for (const line of lines) {
      lineNumber += 1;
      if (line.byteLength > PATH_BYTES_MAX) listed.push(noPath(line, lineNumber));
      else if (line.byteLength > 0) paths.push(nameOfBytes(line));
    }
    for (let first = 0; first < paths.length; first += LOOKS_MAX) {
      const some = paths.slice(first, first + LOOKS_MAX);
      const found = await Promise.all(
        some.map((path) => listedFile(listing, path, { realOutputs, written, parents, links })),
      );
      const skipped = some[found.indexOf(undefined)];
      if (skipped !== undefined && !hasWarned) {
        warn(`skipping "${skipped}": listed outputs, and other files of the run, are skipped`);
        hasWarned = true;
      }
      for (const file of found) if (file) listed.push(file);
    }
    yield listed;
  }
}

/** What stands for a line that is too long: all of it would be in the journal, and in what the run prints. */
function noPath(line: Uint8Array, number: number): ListedFile {
  const start = nameOfBytes(line.subarray(0, 4 * SHOWN_CHARS)).slice(0, SHOWN_CHARS);
  const name = `${start}… in line ${number}`;
  return { path: name, name, failure: NO_PATH };
}

/** What a list is compared with. */
interface ListContext {
  readonly realOutputs: string;
  /** Files outside of the output folder that the run writes. */
  readonly written: ReadonlySet<string>;
  readonly parents: RealParents;
  readonly links: LinkFinder;
}

/** The file at a path in a list; `undefined` if it is skipped. */
async function listedFile(
  { files, naming }: FileListing,
  path: string,
  { realOutputs, written, parents, links }: ListContext,
): Promise<ListedFile | undefined> {
  const file = namedFile(path, nameOfListed(path), naming);
  const real = await parents.withReal(path);
  if (join(realOutputs, file.name) === real) return { ...file, failure: OVERWRITES_ITSELF };
  if (written.has(real) || isInside(real, realOutputs)) return undefined;
  if (links.isFileNow(path) || !await links.isLink(path)) return file;
  const linksTo = await linkedOutputs(files, path, realOutputs);
  return linksTo.length > 0 ? { ...file, linksTo } : file;
}
