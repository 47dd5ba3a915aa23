/** Creates a private folder for the sockets of a process and the cores that it loads. */

import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { codeOf, reasonOf } from "../runtime/error_text.ts";
import type { Files } from "../runtime/files/files.ts";
import { type ProcFiles, thisSystem } from "../runtime/proc_files.ts";

/** The longest path that fits into the address of a Unix socket on every system (macOS: 104 with a zero). */
const SOCKET_PATH_BYTES_MAX = 103;

/** The longest name of a socket in such a folder. */
const SOCKET_NAME_BYTES_MAX = 16;

/** The first part of the name of such a folder. */
export const FOLDER_PREFIX = "distcomp-";

/** Alternatives if `TMPDIR` cannot be used. On a hardened machine some of them are mounted noexec. */
const OTHER_PARENTS = ["/tmp", "/var/tmp", "/dev/shm"];

/**
 * Makes a folder that only this user may enter: in `first`, which is `TMPDIR` by default. If the path of a socket
 * there would be too long, or libraries cannot be loaded from there, it tries the usual alternatives. Rejects with
 * the problems of all places.
 */
export async function makeTemporaryFolder(
  files: Files,
  first = tmpdir(),
  system: ProcFiles = thisSystem,
): Promise<string> {
  const problems: string[] = [];
  for (const parent of new Set([first, tmpdir(), ...OTHER_PARENTS])) {
    const problem = problemOf(parent, system);
    if (problem === undefined) {
      try {
        return await files.makePrivateFolder(join(resolve(parent), FOLDER_PREFIX));
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

/** The error for something that was to be written below such a folder: where its disk is full, it says so. */
export function inTemporaryFolder(folder: string, cause: unknown): unknown {
  if (codeOf(cause) !== "ENOSPC" && codeOf(cause) !== "EDQUOT") return cause;
  return new Error(
    `Cannot write to the temporary folder "${folder}": ${reasonOf(cause)}; set another TMPDIR`,
    { cause },
  );
}

function problemOf(parent: string, system: ProcFiles): string | undefined {
  const longest = join(
    resolve(parent),
    `${FOLDER_PREFIX}XXXXXX`,
    "x".repeat(SOCKET_NAME_BYTES_MAX),
  );
  if (!fitsSocket(longest)) return "has too long a path";
  const mounts = system.text("/proc/self/mounts") ?? ""; // only Linux has it
  return isNoexec(resolve(parent), mounts) ? "is mounted noexec" : undefined;
}

/** Whether a socket can have this path. */
export function fitsSocket(path: string): boolean {
  return new TextEncoder().encode(path).byteLength <= SOCKET_PATH_BYTES_MAX;
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
