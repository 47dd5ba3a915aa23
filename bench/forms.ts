/** The forms of distcomp that are compared: from source on Deno and on Bun, and the executable. */

import { join, resolve } from "node:path";
import process from "node:process";
import type { Form } from "./contestants/distcomp.ts";
import { outputOf, ROOT, sourceCommand } from "./programs.ts";

const ENTRY = join(ROOT, "cli.ts");

/** The three of them. `executable`: its path, if it need not be built into `folder`. */
export function formsOf(folder: string, executable: string | undefined): Form[] {
  const isBun = process.versions.bun !== undefined;
  return [
    form("Deno", () => isBun ? pinnedDeno() : Promise.resolve(sourceCommand())),
    form("Bun", () => isBun ? Promise.resolve(sourceCommand()) : pinnedBun()),
    form("executable", () => executableIn(folder, executable)),
  ];
}

/** Several contestants ask for the command of one form. */
function form(name: string, find: () => Promise<readonly string[]>): Form {
  let command: Promise<readonly string[]> | undefined;
  return { name, command: () => command ??= find() };
}

function pinnedDeno(): Promise<string[]> {
  return Promise.resolve([join(ROOT, ".ci/deno"), "run", "-A", "--quiet", ENTRY]);
}

async function pinnedBun(): Promise<string[]> {
  const bun = await outputOf([join(ROOT, "tests/bun.sh"), "--where"]);
  return [bun.trim(), "run", ENTRY];
}

async function executableIn(folder: string, given: string | undefined): Promise<string[]> {
  if (given !== undefined) return [resolve(given)];
  await outputOf([join(ROOT, "compile.sh"), "-o", folder]);
  return [join(folder, "distcomp")];
}
