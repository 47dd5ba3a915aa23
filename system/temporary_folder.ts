/** A private folder for a process: for its sockets, and for the cores that it loads. */

import { readFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { reasonOf } from "../runtime/error_text.ts";

/** The longest path that fits into the address of a Unix socket on every system (macOS: 104 with a zero). */
const SOCKET_PATH_BYTES_MAX = 103;

/** No socket in such a folder has a longer name. */
const SOCKET_NAME_BYTES_MAX = 16;

/** The first part of the name of such a folder. */
export const FOLDER_PREFIX = "distcomp-";

/** Where to look if `TMPDIR` cannot be used. A careful administrator has forbidden all but one of these. */
const OTHER_PARENTS = ["/tmp", "/var/tmp", "/dev/shm"];

/**
 * Makes a folder that only this user may enter: in `first`, which is `TMPDIR` by default; in one of the usual
 * places if the path of a socket in `first` would be too long, or if libraries cannot be loaded from there.
 * Rejects with the reasons of all of them.
 */
export async function makeTemporaryFolder(first = tmpdir()): Promise<string> {
  const problems: string[] = [];
  for (const parent of new Set([first, tmpdir(), ...OTHER_PARENTS])) {
    const problem = problemOf(parent);
    if (problem === undefined) {
      try {
        return await mkdtemp(join(parent, FOLDER_PREFIX));
      } catch (error) {
        problems.push(`"${parent}": ${reasonOf(error)}`);
      }
    } else {
      problems.push(`"${parent}" ${problem}`);
    }
  }
  throw new Error(
    `Cannot make a temporary folder: ${problems.join(", ")}; set TMPDIR to a folder with a short ` +
      "path that is writable and not mounted noexec",
  );
}

function problemOf(parent: string): string | undefined {
  const longest = join(parent, `${FOLDER_PREFIX}XXXXXX`, "x".repeat(SOCKET_NAME_BYTES_MAX));
  if (new TextEncoder().encode(longest).byteLength > SOCKET_PATH_BYTES_MAX) {
    return "has too long a path";
  }
  return isNoexec(resolve(parent), readMounts()) ? "is mounted noexec" : undefined;
}

/** Whether the file system of `folder` forbids loading libraries, according to the text of `/proc/mounts`. */
export function isNoexec(folder: string, mounts: string): boolean {
  let longest = "";
  let options = "";
  for (const line of mounts.split("\n")) {
    const [, escaped = "", , optionList = ""] = line.split(" ");
    const point = escaped.replace(
      /\\([0-7]{3})/g,
      (_, code) => String.fromCharCode(parseInt(code, 8)),
    );
    const isAbove = folder === point ||
      folder.startsWith(point.endsWith("/") ? point : `${point}/`);
    // Of two mounts at the same point, the later one hides the earlier.
    if (!isAbove || point.length < longest.length) continue;
    longest = point;
    options = optionList;
  }
  return options.split(",").includes("noexec");
}

/** Linux tells; elsewhere nothing is known, and no folder counts as noexec. */
function readMounts(): string {
  try {
    return readFileSync("/proc/self/mounts", "utf8");
  } catch {
    return "";
  }
}
