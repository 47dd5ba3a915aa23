/** The program's source files, for what tests build of them. */

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The folders that the program consists of. */
const FOLDERS = [
  "check",
  "cli",
  "controller",
  "core",
  "include",
  "link",
  "page",
  "pool",
  "protocol",
  "report",
  "runtime",
  "security",
  "slot",
  "system",
  "templates",
  "up",
  "watch",
  "web",
  "worker",
];

/** A hash of the program's files, and of `others`, which are files of the project, and of `words`. */
export async function fingerprintOf(
  others: readonly string[],
  words: readonly string[] = [],
): Promise<string> {
  const names = [...others, ...await sourceFiles()];
  const contents = await Promise.all(names.map((name) => readFile(join(ROOT, name))));
  const hash = createHash("sha256").update(JSON.stringify(words));
  for (const [index, name] of names.entries()) {
    hash.update(name).update(contents[index] as Uint8Array);
  }
  return hash.digest("hex").slice(0, 16);
}

/** The program's files, but for those at the top. */
export async function sourceFiles(): Promise<string[]> {
  return (await Promise.all(FOLDERS.map(filesBelow))).flat().sort();
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}
