/** A folder of a process's own, for its sockets and for the cores that it loads. */

import { readFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { reasonOf } from "../runtime/error_text.ts";

/** The longest path that fits into a Unix socket's address on every system (macOS: 104 with its end). */
const SOCKET_PATH_BYTES_MAX = 103;

/** Longer than the name of any socket in such a folder. */
const SOCKET_NAME_BYTES_MAX = 16;

/** What the name of such a folder begins with. */
export const FOLDER_PREFIX = "distcomp-";

/** Where to look when `TMPDIR` will not do: usual places, of which a careful administrator leaves one. */
const OTHER_PARENTS = ["/tmp", "/var/tmp", "/dev/shm"];

/**
 * Makes a folder that only this user may enter: in `first`, which is `TMPDIR` unless given, unless a
 * socket's path in it would be too long for the system, or it does not allow libraries to be loaded from it;
 * then in another of the usual places. Rejects with what each of them said.
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
    `There is no folder for temporary files: ${
      problems.join(", ")
    }; set TMPDIR to one that is writable, ` +
      "short, and not mounted noexec",
  );
}

function problemOf(parent: string): string | undefined {
  const longest = join(parent, `${FOLDER_PREFIX}XXXXXX`, "x".repeat(SOCKET_NAME_BYTES_MAX));
  if (new TextEncoder().encode(longest).byteLength > SOCKET_PATH_BYTES_MAX) {
    return "is too long a path";
  }
  return isNoexec(resolve(parent), readMounts()) ? "is mounted noexec" : undefined;
}

/** Whether the file system that `folder` lies on forbids to load libraries, by the text of `/proc/mounts`. */
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
    // Of two on the same point, the later one hides the earlier.
    if (!isAbove || point.length < longest.length) continue;
    longest = point;
    options = optionList;
  }
  return options.split(",").includes("noexec");
}

/** Linux tells; elsewhere there is nothing to know, and nothing is forbidden. */
function readMounts(): string {
  try {
    return readFileSync("/proc/self/mounts", "utf8");
  } catch {
    return "";
  }
}
