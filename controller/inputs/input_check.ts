/** Checks inputs before anything runs. */

import { basename, dirname, relative, resolve, sep } from "../../runtime/files/path.ts";
import { codeOf, reasonOf } from "../../runtime/error_text.ts";
import type { Files } from "../../runtime/files/files.ts";
import { isOfEarlierRun } from "./earlier_outputs.ts";
import {
  isInside,
  OVERWRITES_ITSELF,
  overwritesItself,
  placesOf,
  realPath,
  withRealParent,
} from "./paths.ts";
import { OutputNaming } from "./output_naming.ts";
import { RealParents } from "./real_parents.ts";
import { SourceError } from "./source.ts";

/**
 * Checks that the inputs exist, that no output would overwrite one of them, that no two files named on the command
 * line have the same output, and that none is named twice. Rejects with a `SourceError`. `core`: it is no input of a
 * folder, and may be named.
 */
export async function checkPaths(
  files: Files,
  paths: readonly string[],
  outputs: string,
  naming: OutputNaming = OutputNaming.SAME,
  core?: string,
): Promise<void> {
  const realOutputs = await realPath(files, outputs);
  const named: NamedInput[] = [];
  const seen = new Map<string, string>();
  for (const path of paths) {
    if (path === "-") continue;
    const real = await checkPath(files, path, realOutputs, naming).catch((error) => {
      throw seen.size > 0 && isLikeFolder(path) ? withOutputHint(error) : error;
    });
    named.push({ path, real });
    const isFolder = real !== undefined;
    const key = isFolder ? `${resolve(path)}${sep}` : naming.outputOf(basename(path));
    const other = seen.get(key);
    if (other !== undefined) {
      throw new SourceError(
        isFolder || resolve(other) === resolve(path)
          ? `"${path}" is named twice; name it once`
          : `"${other}" and "${path}" have the same output, "${key}"; ${naming.remedy}`,
      );
    }
    seen.set(key, path);
  }
  await checkNotBelow(files, named, realOutputs, core);
}

/** An input of the command line. */
interface NamedInput {
  readonly path: string;
  /** If it is a folder, its path with all links followed. */
  readonly real: string | undefined;
}

/** Rejects if a path is below a folder that is an input too, unless a folder of inputs leaves it out. */
async function checkNotBelow(
  files: Files,
  inputs: readonly NamedInput[],
  realOutputs: string,
  core: string | undefined,
): Promise<void> {
  const folders = new Map<string, string>();
  for (const { path, real } of inputs) if (real !== undefined) folders.set(real, path);
  if (folders.size === 0 || inputs.length === 1) return;
  const realCore = core === undefined ? undefined : await withRealParent(files, core);
  const parents = new RealParents(files);
  for (const { path, real: realFolder } of inputs) {
    const real = realFolder ?? await parents.withReal(path);
    if (real === realCore || isInside(real, realOutputs)) continue;
    const folder = foldersAbove(real).find((above) => folders.has(above));
    if (folder === undefined || await isLeftOut(files, real, folder)) continue;
    throw new SourceError(
      `"${path}" is in the folder "${folders.get(folder)}", which is named too; name one of them`,
    );
  }
}

/** The folders that a path is in, the innermost first. */
function foldersAbove(path: string): string[] {
  const folders: string[] = [];
  for (let at = path, above = dirname(at); above !== at; at = above, above = dirname(at)) {
    folders.push(above);
  }
  return folders;
}

/** Whether a path below a folder of inputs is no input of that folder, as an earlier run has made it. */
async function isLeftOut(files: Files, path: string, folder: string): Promise<boolean> {
  for (let at = path; at !== folder; at = dirname(at)) {
    if (await isOfEarlierRun(files, at)) return true;
  }
  return false;
}

/** Whether it is written as a folder is mostly written: without an extension. */
function isLikeFolder(path: string): boolean {
  return !basename(path).includes(".");
}

/** Other programs take the folder of the outputs as their last argument. */
function withOutputHint(error: Error): unknown {
  if (codeOf(error.cause) !== "ENOENT") return error;
  return new SourceError(`${error.message}; the folder of the outputs is named with -o`, {
    cause: error.cause,
  });
}

/** Checks one input. If it is a folder, resolves to its path with all links followed. */
async function checkPath(
  files: Files,
  path: string,
  realOutputs: string,
  naming: OutputNaming,
): Promise<string | undefined> {
  const info = await files.target(path).catch((cause) => {
    throw new SourceError(`Cannot read input "${path}": ${reasonOf(cause)}`, { cause });
  });
  if (info.kind === "folder") {
    const real = await realPath(files, path);
    if (real !== realOutputs) return real;
    throw new SourceError(
      `The outputs would overwrite the inputs in "${path}"; choose another folder with -o`,
    );
  }
  if (!await overwritesItself(files, path, naming.outputOf(basename(path)), realOutputs)) {
    return undefined;
  }
  throw new SourceError(`Cannot use input "${path}": ${OVERWRITES_ITSELF}`);
}

/** Checks that a tar of inputs exists, and that no output would overwrite it. */
export async function checkTar(files: Files, path: string, outputs: string): Promise<void> {
  if (path === "-") return;
  const info = await files.target(path).catch((cause) => {
    throw new SourceError(`Cannot read the tar "${path}": ${reasonOf(cause)}`, { cause });
  });
  if (info.kind === "folder") {
    throw new SourceError(`Cannot read the tar "${path}": it is a folder`);
  }
  if (info.kind === "other") { // the beginning of a tar is read twice
    throw new SourceError(
      `Cannot read the tar "${path}": it is not a file; write it to stdin: … | distcomp run … --inputs -`,
    );
  }
  if ((await placesIn(files, path, await realPath(files, outputs))).length === 0) return;
  throw new SourceError(
    `Cannot use "${path}": it is in the folder of the outputs; choose another folder with -o`,
  );
}

/** Checks that a file of lines exists, and that no output would overwrite it. The names of outputs are numbers. */
export async function checkLines(
  files: Files,
  path: string,
  outputs: string,
  naming: OutputNaming = OutputNaming.SAME,
): Promise<void> {
  if (path === "-") return;
  const info = await files.target(path).catch((cause) => {
    throw new SourceError(`Cannot read lines from "${path}": ${reasonOf(cause)}`, { cause });
  });
  if (info.kind === "folder") {
    throw new SourceError(`Cannot read lines from "${path}": it is a folder`);
  }
  const places = await placesIn(files, path, await realPath(files, outputs));
  if (places.every((place) => naming.numberIn(place) === undefined)) return;
  throw new SourceError(
    `Cannot use "${path}": an output would overwrite it; choose another folder with -o`,
  );
}

/** Where a file is below the outputs: its name, and what it leads to if it is a link. An output would replace either. */
async function placesIn(
  files: Files,
  path: string,
  realOutputs: string,
): Promise<readonly string[]> {
  const places = await placesOf(files, path);
  return places.filter((place) => isInside(place, realOutputs))
    .map((place) => relative(realOutputs, place));
}
