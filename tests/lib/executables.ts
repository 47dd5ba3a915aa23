/**
 * The program in each of its forms: from source on Deno and on Bun, and compiled. As a program, this file builds
 * the executables and prints their folder.
 */

import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { access, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { fingerprintOf, ROOT } from "./sources.ts";
import { testUnless as anyTestUnless } from "./test.ts";

/** What determines how an executable is built, beside the program's folders. */
const OTHERS = ["cli.ts", "compile.sh", "tools.sh", "deno.json", "package.json", "bun.lock"];

/** The runtime that `compile.sh` compiles with. `bun` works wherever the npm registry can be reached. */
export const RUNTIME = process.env.DISTCOMP_TEST_RUNTIME ?? "bun";

/** Why the executables are not tested, if they are not: they have to be built first. */
const notAsked = process.env.DISTCOMP_TEST_RUNTIME === undefined
  ? "run by deno task test:executable"
  : undefined;

/** Declares a test of the executable, which runs only when that is asked for. */
export function test(name: string, body: () => void | Promise<void>): void {
  testUnless(undefined, name, body);
}

/** Declares a test of the executable that is skipped if the machine lacks what it needs. */
export function testUnless(
  missing: string | undefined,
  name: string,
  body: () => void | Promise<void>,
): void {
  anyTestUnless(notAsked ?? missing, name, body);
}

/** The folder with the executables that `compile.sh --split` builds from the current sources. */
export async function compiled(): Promise<string> {
  const folder = join(ROOT, "tests/.build/compiled", `${RUNTIME}-${await fingerprintOf(OTHERS)}`);
  if (await exists(folder)) return folder;
  // Built beside and renamed: tests that want it at once do no harm.
  const unfinished = `${folder}.${randomUUID()}.unfinished`;
  try {
    await run(join(ROOT, "compile.sh"), ["--runtime", RUNTIME, "--split", "-o", unfinished]);
    await rename(unfinished, folder).catch(async (error) => {
      if (!await exists(folder)) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}

/** The command that starts the program in each form. */
export async function programForms(): Promise<Record<"deno" | "bun" | "compiled", string[]>> {
  const entry = join(ROOT, "cli.ts");
  const bun = (await run(join(ROOT, "tests/bun.sh"), ["--where"])).trim();
  return {
    deno: [process.execPath, "run", "-A", "--quiet", entry],
    bun: [bun, "run", entry],
    compiled: [join(await compiled(), "distcomp")],
  };
}

function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}

async function run(command: string, args: readonly string[]): Promise<string> {
  return (await promisify(execFile)(command, [...args])).stdout;
}

if (import.meta.main) console.log(await compiled());
