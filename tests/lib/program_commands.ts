/** The commands that start the program under test, and others. */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { bundled, fileIn } from "./bundle.ts";

/** Where the program is in few files, which start faster. */
const BUNDLE = process.env.DISTCOMP_TEST_COMMAND ? undefined : await bundled();

/** Whether the program and what else tests start are bundled. */
export const isBundled = BUNDLE !== undefined;

/** The command that starts the program, without arguments. `DISTCOMP_TEST_COMMAND` overrides it. */
export function programCommand(): string[] {
  const given = process.env.DISTCOMP_TEST_COMMAND?.trim();
  if (given) return given.split(/\s+/);
  return bundledCommand(fileURLToPath(new URL("../../cli.ts", import.meta.url)));
}

/** The same for another file that a bundle is made of. */
export function bundledCommand(path: string): string[] {
  return scriptCommand(BUNDLE ? fileIn(BUNDLE, path) : path);
}

/**
 * The command that runs another file of TypeScript on the runtime of the tests. Deno reads modules when they are
 * imported, not all that could be: that is a fifth of the start of a command.
 */
export function scriptCommand(path: string): string[] {
  const flags = process.versions.bun ? [] : ["-A", "--quiet", "--unstable-lazy-dynamic-imports"];
  return [process.execPath, "run", ...flags, path];
}
