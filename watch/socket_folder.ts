/**
 * The folder with the sockets of this user's runs, which only this user may enter. Its path is short, as that of a socket
 * may have only some hundred bytes, and it lies in memory where the system has such a place.
 */

import { lstatSync, mkdirSync, rmdirSync, type Stats } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { codeOf } from "../runtime/error_text.ts";
import { fitsSocket } from "../system/temporary_folder.ts";

const ONLY_THIS_USER = 0o700;

/** The permissions of others. */
const OTHERS = 0o077;

/** As long as the names of sockets are. */
const LONGEST_NAME = "4194304-0123456789abcdef.sock";

/** The parents that are tried: what the system gives each user who has logged in, and the usual places. */
export function socketParents(variables: Readonly<Record<string, string | undefined>>): string[] {
  const own = variables["XDG_RUNTIME_DIR"];
  return [...new Set([...(own?.startsWith("/") ? [own] : []), tmpdir(), "/tmp"])];
}

/** Makes the folder, unless it is there. Throws the problems of all places. */
export function makeSocketFolder(parents: readonly string[]): string {
  const problems: string[] = [];
  for (const parent of parents) {
    const folder = folderIn(parent);
    const problem = fitsSocket(join(folder, LONGEST_NAME))
      ? problemOfMaking(folder)
      : "its path is too long for a socket";
    if (problem === undefined) return folder;
    problems.push(`"${folder}": ${problem}`);
  }
  throw new Error(problems.join(", "));
}

/** Removes the folder if no run is left in it. */
export function removeSocketFolder(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Another run is in it, or has removed it.
  }
}

/** The folders that there are: a run that was started elsewhere, such as by cron, may have other variables. */
export function socketFolders(parents: readonly string[]): string[] {
  return parents.map(folderIn).filter((folder) => problemOf(folder) === undefined);
}

function folderIn(parent: string): string {
  return join(parent, `.distcomp-runs-${process.geteuid?.() ?? 0}`);
}

function problemOfMaking(folder: string): string | undefined {
  try {
    mkdirSync(folder, ONLY_THIS_USER);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") return codeOf(error) || "it cannot be made";
  }
  return problemOf(folder);
}

/** Why the folder must not be used: somebody else may have made it, or may write to it. */
function problemOf(folder: string): string | undefined {
  let info: Stats;
  try {
    info = lstatSync(folder);
  } catch (error) {
    return codeOf(error) || "it cannot be looked at";
  }
  if (!info.isDirectory()) return "it is not a folder";
  if (info.uid !== process.geteuid?.()) return `it is another user's (id ${info.uid})`;
  return (info.mode & OTHERS) === 0 ? undefined : "others may enter it; remove it";
}
