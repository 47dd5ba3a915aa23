/**
 * The program of the tests on Deno, in few files: a third of what the start of a command takes from source is looking up
 * its 400 modules. As a program, this file builds them and prints their folder. `deno task test` does that once for all
 * test files (`DISTCOMP_TEST_BUNDLE`), which need not look for changes of the sources then.
 */

import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { access, rename, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { fingerprintOf, ROOT } from "./sources.ts";

/** What tests start. */
const PROGRAMS = ["cli.ts", "tests/cli/command_lines.ts"];

/** What they contain beside the program itself, or what determines how they are built. */
const OTHERS = [...PROGRAMS, "tests/cli/command_marks.ts", "deno.json", "deno.lock"];

/** Workers and slots, too, read modules when they are imported, not all that could be: see `scriptCommand`. */
const SETTINGS = { unstable: ["lazy-dynamic-imports"] };

/** The folder with the programs of the current sources; `undefined` on Bun, which starts faster from source. */
export async function bundled(): Promise<string | undefined> {
  if (process.versions.bun) return undefined;
  if (process.env.DISTCOMP_TEST_BUNDLE) return process.env.DISTCOMP_TEST_BUNDLE;
  const folder = join(
    ROOT,
    "tests/.build/bundles",
    await fingerprintOf(OTHERS, [process.execPath, JSON.stringify(SETTINGS)]),
  );
  if (await exists(folder)) return folder;
  // Built beside and renamed: tests that want it at once do no harm.
  const unfinished = `${folder}.${randomUUID()}.unfinished`;
  // Short names are a fifteenth of the start of a command: there is less to read.
  const form = ["--platform", "deno", "--code-splitting", "--minify"];
  const options = ["--quiet", ...form, "--outdir", unfinished];
  try {
    await promisify(execFile)(process.execPath, ["bundle", ...options, ...PROGRAMS], { cwd: ROOT });
    await writeFile(join(unfinished, "deno.json"), JSON.stringify(SETTINGS));
    await rename(unfinished, folder).catch(async (error) => {
      if (!await exists(folder)) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}

/** The file of one of the programs in that folder. */
export function fileIn(folder: string, path: string): string {
  return join(folder, relative(ROOT, path)).replace(/\.ts$/, ".js");
}

function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}

if (import.meta.main) console.log(await bundled());
