/**
 * Which files of tests one process runs. To load the modules that tests import takes a fifth of the CPU time of all tests
 * if each file is loaded alone. So several files are loaded together, by a file that imports them. They run one after
 * another, and use one instance of each module.
 */

import { createHash } from "node:crypto";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import process from "node:process";
import { ROOT } from "./sources.ts";

/** Files beside all folders: tests of the project itself, as of its pages. */
const PROJECT = "project";

/** Folders whose files take longest, longest first. They start first, so that no single one runs on at the end. */
const LONG = ["simulation", "cli", "attacks", "fuzz", "cores", "check", PROJECT];

/** How many files are loaded together. */
const FILES = { long: 6, other: 20 } as const;

/** Fewer files are loaded together where all are few: groups run side by side. */
const GROUPS_MIN = 12;

/** The files to run for all tests at some paths, relative to the project. */
export async function testGroups(paths: readonly string[]): Promise<string[]> {
  const files = [...new Set((await Promise.all(paths.map(testsIn))).flat())].sort();
  return files.length > 1 ? await written(grouped(files)) : files;
}

async function testsIn(path: string): Promise<string[]> {
  if ((await stat(path)).isFile()) return [relative(ROOT, path)];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && entry.name.endsWith("_test.ts"))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith("tests/.build/"));
}

function grouped(files: readonly string[]): string[][] {
  const rooms = Map.groupBy(files, roomOf);
  const filesMax = Math.ceil(files.length / GROUPS_MIN);
  const inRoom = (room: string, size: number) =>
    chunks(rooms.get(room) ?? [], Math.min(size, filesMax));
  const others = [...rooms.keys()].filter((room) => !LONG.includes(room));
  return [
    ...LONG.flatMap((room) => inRoom(room, FILES.long)),
    ...others.flatMap((room) => inRoom(room, FILES.other)),
  ];
}

/** The folder of `tests` that a file is in. */
function roomOf(file: string): string {
  const [, folder, ...below] = file.split("/");
  return below.length > 0 ? folder! : PROJECT;
}

function chunks(files: readonly string[], size: number): string[][] {
  const count = Math.ceil(files.length / size);
  return Array.from({ length: count }, (_, index) => files.slice(index * size, (index + 1) * size));
}

/** Files that load those of a group. They are the same for the same groups: their types are checked once. */
async function written(groups: readonly (readonly string[])[]): Promise<string[]> {
  const hash = createHash("sha256").update(JSON.stringify(groups)).digest("hex").slice(0, 16);
  const folder = `tests/.build/groups/${hash}`;
  await mkdir(join(ROOT, folder), { recursive: true });
  return await Promise.all(groups.map(async (files, index) => {
    const name = `${String(index + 1).padStart(2, "0")}_${roomOf(files[0]!)}.ts`;
    const imports = files.map((file) => `import ${JSON.stringify(relative(folder, file))};\n`);
    await writeFile(join(ROOT, folder, name), imports.join(""));
    return join(folder, name);
  }));
}

if (import.meta.main) {
  for (const group of await testGroups(process.argv.slice(2))) console.log(`./${group}`);
}
