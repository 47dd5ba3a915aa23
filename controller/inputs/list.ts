/** Lists the files that a command line names: files, folders, and the list on stdin. */

import { basename, join, relative } from "../../runtime/path.ts";
import { nameOfBytes } from "../../runtime/file_name.ts";
import type { Files } from "../../runtime/files.ts";
import { type Ending, readLines } from "./file_lines.ts";
import { type ListedFile, namedFile } from "./listed_file.ts";
import type { OutputNaming } from "./output_naming.ts";
import {
  isInside,
  nameOfListed,
  OVERWRITES_ITSELF,
  OVERWRITES_OTHER,
  overwritesItself,
  realPath,
  withRealParent,
} from "./paths.ts";
import type { Warn } from "./source.ts";
import { walkFolder } from "./walk.ts";

/** Which files are inputs. */
export interface FileListing {
  readonly files: Files;
  /** Files and folders; `-` is a list on stdin. */
  readonly paths: readonly string[];
  /** The output folder. Files in it are not inputs. */
  readonly outputs: string;
  /** The pack of the outputs, if there is one. It is no input either. */
  readonly pack?: string | undefined;
  readonly warn: Warn;
  readonly naming?: OutputNaming | undefined;
  /** What ends a name in the list; a line feed if it is missing. */
  readonly listEnding?: Ending | undefined;
}

/** All files in order. Yields `undefined` where the next file may take a while, so that a batch is not held back. */
export async function* listFiles(
  listing: FileListing,
): AsyncIterable<ListedFile | undefined> {
  const { files, paths, outputs } = listing;
  const realOutputs = await realPath(files, outputs);
  const named = paths.filter((path) => path !== "-");
  const realInputs = await Promise.all(named.map((path) => realPath(files, path)));
  const inOutputs = realInputs.filter((path) => isInside(path, realOutputs));
  const listed = listPaths(listing, realOutputs);
  // Inputs inside the output folder are rare: all other runs skip the check for each file.
  yield* inOutputs.length === 0 ? listed : refuseOverwriting(listed, inOutputs, realOutputs);
}

/** Fails files whose output would overwrite one of the `inputs`, or a file in a folder among them. */
async function* refuseOverwriting(
  files: AsyncIterable<ListedFile | undefined>,
  inputs: readonly string[],
  realOutputs: string,
): AsyncIterable<ListedFile | undefined> {
  for await (const file of files) {
    const output = file && join(realOutputs, file.name);
    const overwrites = output !== undefined &&
      inputs.some((input) => input === output || isInside(output, input));
    yield file && overwrites ? { ...file, failure: OVERWRITES_OTHER } : file;
  }
}

async function* listPaths(
  listing: FileListing,
  realOutputs: string,
): AsyncIterable<ListedFile | undefined> {
  const { files, warn } = listing;
  for (const path of listing.paths) {
    if (path === "-") yield* listStdin(listing, realOutputs);
    else if ((await files.target(path)).kind === "folder") {
      const excluded = join(path, relative(await realPath(files, path), realOutputs));
      yield* walkFolder(path, { files, excluded, warn, naming: listing.naming });
    } else yield namedFile(path, basename(path), listing.naming);
  }
}

/** The files listed on stdin. Outputs of earlier runs, which `find` may list too, are skipped. */
async function* listStdin(
  listing: FileListing,
  realOutputs: string,
): AsyncIterable<ListedFile | undefined> {
  const { files, pack } = listing;
  const realPack = pack === undefined ? undefined : await withRealParent(files, pack);
  let hasWarned = false;
  for await (const lines of readLines("-", listing.listEnding)) {
    for (const line of lines) {
      const path = nameOfBytes(line);
      if (path === "") continue;
      const file = await listedFile(listing, path, realOutputs, realPack);
      if (file) yield file;
      else if (!hasWarned) {
        listing.warn(`skipping "${path}": listed paths inside the output folder are skipped`);
        hasWarned = true;
      }
    }
    yield undefined;
  }
}

async function listedFile(
  { files, naming }: FileListing,
  path: string,
  realOutputs: string,
  realPack: string | undefined,
): Promise<ListedFile | undefined> {
  const file = namedFile(path, nameOfListed(path), naming);
  if (await overwritesItself(files, path, file.name, realOutputs)) {
    return { ...file, failure: OVERWRITES_ITSELF };
  }
  const real = await withRealParent(files, path);
  return real === realPack || isInside(real, realOutputs) ? undefined : file;
}
