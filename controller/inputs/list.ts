/** Lists the files that a command line names: files, folders, and the list on stdin. */

import { stat } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { readLines } from "./file_lines.ts";
import type { ListedFile } from "./listed_file.ts";
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

/** All files in order. Yields `undefined` where the next file may take a while, so that a batch is not held back. */
export async function* listFiles(
  paths: readonly string[],
  outputs: string,
  warn: Warn,
): AsyncIterable<ListedFile | undefined> {
  const realOutputs = await realPath(outputs);
  const realInputs = await Promise.all(paths.filter((path) => path !== "-").map(realPath));
  const inOutputs = realInputs.filter((path) => isInside(path, realOutputs));
  const files = listPaths(paths, realOutputs, warn);
  // Inputs inside the output folder are rare: all other runs skip the check for each file.
  yield* inOutputs.length === 0 ? files : refuseOverwriting(files, inOutputs, realOutputs);
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
  paths: readonly string[],
  realOutputs: string,
  warn: Warn,
): AsyncIterable<ListedFile | undefined> {
  for (const path of paths) {
    if (path === "-") yield* listStdin(realOutputs, warn);
    else if ((await stat(path)).isDirectory()) {
      const excluded = join(path, relative(await realPath(path), realOutputs));
      yield* walkFolder(path, excluded, warn);
    } else yield { path, name: basename(path) };
  }
}

/** The files listed on stdin. Outputs of earlier runs, which `find` may list too, are skipped. */
async function* listStdin(
  realOutputs: string,
  warn: Warn,
): AsyncIterable<ListedFile | undefined> {
  const utf8 = new TextDecoder();
  let hasWarned = false;
  for await (const lines of readLines("-")) {
    for (const line of lines) {
      const path = utf8.decode(line);
      if (path === "") continue;
      const file = await listedFile(path, realOutputs);
      if (file) yield file;
      else if (!hasWarned) {
        warn(`skipping "${path}": listed paths inside the output folder are skipped`);
        hasWarned = true;
      }
    }
    yield undefined;
  }
}

async function listedFile(path: string, realOutputs: string): Promise<ListedFile | undefined> {
  const name = nameOfListed(path);
  if (await overwritesItself(path, name, realOutputs)) {
    return { path, name, failure: OVERWRITES_ITSELF };
  }
  return isInside(await withRealParent(path), realOutputs) ? undefined : { path, name };
}
