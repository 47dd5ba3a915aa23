/**
 * Runs tests on Deno: `deno task test`, with folders or files if not all shall run, and options of `deno test`.
 *
 * Deno loads each file of tests in a runtime of its own, with all modules that it imports: that took a fifth of the CPU
 * time of all tests. So several files are loaded together, by a file that imports them. They run one after another, and
 * use one instance of each module.
 */

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import process from "node:process";
import { bundled } from "./lib/bundle.ts";
import { ROOT } from "./lib/sources.ts";

/** Tests mostly wait, so that more of them than cores run side by side. */
const SIDE_BY_SIDE = "6";

/** Files beside all folders: tests of the project itself, as of its pages. */
const PROJECT = "project";

/** Folders whose files take longest, longest first. They start first, so that no single one runs on at the end. */
const LONG = ["simulation", "cli", "attacks", "fuzz", "cores", "check", PROJECT];

/** How many files are loaded together. */
const FILES = { long: 4, other: 12 } as const;

const { options, paths } = await parted(process.argv.slice(2));
const files = (await Promise.all((paths.length > 0 ? paths : ["tests"]).map(testsIn))).flat();
const groups = files.length > 1 ? await written(grouped([...new Set(files)].sort())) : files;
// Examples in comments are tests, too.
const examples = paths.length > 0 ? [] : ["--doc", "--ignore=tests/**/*_test.ts", "."];
process.exitCode = await run(["test", "-A", "--parallel", ...options, ...examples, ...groups]);

/** The arguments that name files and folders, and the others, which are for `deno test`. */
async function parted(words: readonly string[]): Promise<{ options: string[]; paths: string[] }> {
  const options: string[] = [];
  const paths: string[] = [];
  for (const word of words) {
    const isPath = !word.startsWith("-") && await stat(word).then(() => true, () => false);
    (isPath ? paths : options).push(word);
  }
  return { options, paths };
}

/** The files of tests at a path, relative to the project. */
async function testsIn(path: string): Promise<string[]> {
  if ((await stat(path)).isFile()) return [relative(ROOT, path)];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && entry.name.endsWith("_test.ts"))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith("tests/.build/"));
}

function grouped(files: readonly string[]): string[][] {
  const rooms = Map.groupBy(files, roomOf);
  const long = LONG.flatMap((room) => chunks(rooms.get(room) ?? [], FILES.long));
  const others = [...rooms].filter(([room]) => !LONG.includes(room));
  return [...long, ...others.flatMap(([, files]) => chunks(files, FILES.other))];
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

async function run(words: readonly string[]): Promise<number> {
  const env = { ...process.env, DENO_JOBS: SIDE_BY_SIDE, DISTCOMP_TEST_BUNDLE: await bundled() };
  const tests = spawn(process.execPath, words, { cwd: ROOT, env, stdio: "inherit" });
  process.on("SIGINT", () => {}); // a terminal sends it to the tests, too
  process.on("SIGTERM", () => tests.kill());
  return await new Promise((resolve, reject) => {
    tests.once("error", reject);
    tests.once("exit", (code) => resolve(code ?? 1));
  });
}
