/** Compiles the cores in `tests/fixtures/cores` with the machine's C compiler when a test asks for one. */

import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { access, mkdir, readFile, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** Preprocessor definitions: `{ STAMP: '"two"' }` becomes `-DSTAMP="two"`. */
export type Defines = Readonly<Record<string, string | number>>;

const sources = new URL("../fixtures/cores/", import.meta.url);
const header = new URL("../../include/distcomp.h", import.meta.url);
const buildFolder = fileURLToPath(new URL("../.build/cores/", import.meta.url));

const COMPILER = process.env.CC ?? "cc";
const CPP_COMPILER = process.env.CXX ?? "c++";
const FLAGS = ["-O2", "-fPIC", "-shared"];

/** Some cores lack a function on purpose. Not every linker accepts that by default. */
const LACKING = process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : ["-Wl,-z,lazy"];
const FLAGS_BY_CORE = new Map([
  ["overflows", ["-O0"]], // the compiler must not make a loop of it
  ["needs_library", LACKING],
  ["needs_library_lazily", LACKING],
  ["openmp", ["-fopenmp"]],
]);

/**
 * Builds the core `name` with `defines` and more flags of the compiler, and returns its path. The library stays in `tests/.build` and is
 * reused until its source, the header or the flags change. Several tests may build the same core at once.
 *
 * ```ts ignore
 * import { core } from "./cores.ts";
 *
 * await core("version_stamp", { STAMP: '"two"' }); // the path of a library
 * ```
 */
export async function core(
  name: string,
  defines: Defines = {},
  moreFlags: readonly string[] = [],
): Promise<string> {
  return await built(COMPILER, fileURLToPath(new URL(`${name}.c`, sources)), [
    ...FLAGS,
    ...Object.entries(defines).map(([symbol, value]) => `-D${symbol}=${value}`),
    ...FLAGS_BY_CORE.get(name) ?? [],
    ...moreFlags,
  ]);
}

/** Builds a core that is written in C++, with more flags for the compiler. */
export async function coreInCpp(name: string, flags: readonly string[] = []): Promise<string> {
  const source = fileURLToPath(new URL(`${name}.cpp`, sources));
  return await built(CPP_COMPILER, source, [...FLAGS, ...flags]);
}

async function built(compiler: string, source: string, flags: readonly string[]): Promise<string> {
  const name = basename(source).replace(/\.\w+$/, "");
  const hash = await fingerprint(source, [compiler, ...flags]);
  const path = join(buildFolder, `${name}-${hash}.so`);
  if (!await exists(path)) await build(compiler, source, flags, path);
  return path;
}

/** Builds a core like {@linkcode core} and returns its bytes, as a controller sends them. */
export async function coreBytes(name: string, defines: Defines = {}): Promise<Uint8Array> {
  return await readFile(await core(name, defines));
}

async function fingerprint(source: string, flags: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([process.platform, process.arch, flags]));
  for (const file of [source, header]) hash.update(await readFile(file));
  return hash.digest("hex").slice(0, 16);
}

/** Builds to a temporary name and renames: other tests see either no library or a complete one. */
async function build(
  compiler: string,
  source: string,
  flags: readonly string[],
  path: string,
): Promise<void> {
  const unfinished = `${path}.${randomUUID()}.unfinished`;
  await mkdir(buildFolder, { recursive: true });
  try {
    await promisify(execFile)(compiler, [...flags, "-o", unfinished, source]);
  } catch (cause) {
    throw new Error(`Cannot compile the test core ${source}: ${reasonOf(cause, compiler)}`, {
      cause,
    });
  }
  await rename(unfinished, path);
}

function reasonOf(error: unknown, compiler: string): string {
  const { code, stderr, message } = error as { code?: unknown; stderr?: string; message: string };
  if (code !== "ENOENT") return stderr || message;
  return `there is no compiler "${compiler}"; install gcc or clang, or set CC and CXX to one`;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
