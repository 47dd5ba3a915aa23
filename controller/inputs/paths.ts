/** Checks by path whether an output would overwrite an input. */

import { basename, dirname, join, relative, resolve, sep } from "../../runtime/files/path.ts";
import process from "node:process";
import type { Files } from "../../runtime/files/files.ts";

type RealPaths = Pick<Files, "realPath" | "readLink">;

/** As many links lead from one to the next on Linux. */
export const LINKS_MAX = 40;

/** The reason to refuse an input whose own output would overwrite it. */
export const OVERWRITES_ITSELF = "its output would overwrite it; choose another folder with -o";

/** The reason to refuse an input whose output would overwrite another input. */
export const OVERWRITES_OTHER =
  "its output would overwrite another input; choose another folder with -o";

/** The reason to refuse a link whose target is the output of another input. */
export const LINKS_TO_OUTPUT =
  "it is a link to the output of another input; choose another folder with -o";

/** The path with all links followed, as far as it exists: also one to what is missing, as writing to it makes that. */
export async function realPath(
  files: RealPaths,
  path: string,
  linksMax = LINKS_MAX,
): Promise<string> {
  try {
    return await files.realPath(path);
  } catch {
    const folder = dirname(path); // not normalized: after a link, ".." is the folder above its target
    if (folder === path) return resolve(path);
    const place = join(await realPath(files, folder, linksMax), basename(path));
    const text = await files.readLink(place).catch(() => undefined); // it is not a link, or missing
    if (text === undefined || linksMax === 0) return place;
    return await realPath(files, linkTarget(place, text), linksMax - 1);
  }
}

/** What the link at `place` leads to, if it says `text`. */
export function linkTarget(place: string, text: string): string {
  return text.startsWith(sep) ? text : `${dirname(place)}${sep}${text}`;
}

/** The path with all links followed except the last component, as a link can itself be an input. */
export async function withRealParent(files: RealPaths, path: string): Promise<string> {
  return join(await realPath(files, dirname(path)), basename(path));
}

/** Where a file is, and what it leads to if it is a link. */
export async function placesOf(
  files: RealPaths,
  path: string,
): Promise<readonly [place: string, target: string]> {
  return [await withRealParent(files, path), await realPath(files, path)];
}

/** Whether a path is inside a folder. Both must have all links followed. */
export function isInside(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

/** Whether the output called `name` of the input at `path` would overwrite this input. */
export async function overwritesItself(
  files: Files,
  path: string,
  name: string,
  realOutputs: string,
): Promise<boolean> {
  return join(realOutputs, name) === await withRealParent(files, path);
}

/**
 * A listed file's name: its path relative to the working folder, or to the root if it is elsewhere. `a/./b`
 * becomes `a/b`. As with `tar`, leading `/` and `../` are removed.
 */
export function nameOfListed(path: string): string {
  const fromHere = relative(process.cwd(), resolve(path));
  const isElsewhere = fromHere === ".." || fromHere.startsWith(`..${sep}`);
  return isElsewhere ? relative("/", resolve("/", path)) : fromHere;
}
