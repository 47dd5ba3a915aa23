/** The environment variables that are set here, and that a core would look for in vain. */

import { Buffer } from "node:buffer";
import { open } from "node:fs/promises";
import process from "node:process";

type Variables = Readonly<Record<string, string>>;

/** Shells set these for themselves. */
const OF_SHELL = new Set(["PWD", "OLDPWD", "SHLVL", "HOSTNAME", "HOST", "EDITOR", "PAGER", "MAIL"]);

/** A library that is larger than this is searched only so far. */
const SEARCHED_BYTES_MAX = 64 * 1024 * 1024;

/** Names of libraries. Other files beside a core are data, which name variables by chance. */
const LIBRARY_NAME = /\.(so(\.\d+)*|dylib)$/;

/** What is searched. */
export interface SearchedCore {
  readonly content: Uint8Array<ArrayBuffer>;
  /** The files beside it, on this machine. */
  readonly files: readonly { readonly file: string }[];
}

/**
 * The names of variables that are set here, that the core or a library beside it seems to read, and that they will
 * not get: they are neither given by `--env` nor inherited by slots.
 */
export async function missedVariables(
  core: SearchedCore,
  given: Variables,
  isInherited: (name: string) => boolean,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string[]> {
  const names = Object.keys(environment).filter((name) =>
    name.length >= 3 && !Object.hasOwn(given, name) && !OF_SHELL.has(name) && !isInherited(name)
  );
  const { buffer, byteOffset, byteLength } = core.content;
  const missed = new Set(
    namesIn(Buffer.from(buffer, byteOffset, Math.min(byteLength, SEARCHED_BYTES_MAX)), names),
  );
  for (const { file } of core.files) {
    if (!LIBRARY_NAME.test(file)) continue;
    for (const name of namesIn(await beginningOf(file), names)) missed.add(name);
  }
  return [...missed].sort();
}

/**
 * A library that reads a variable contains its name: in C as a string of its own, in Rust and Go in the middle of
 * other text, where only a name that is not a word of a language says something.
 */
function namesIn(content: Buffer, names: readonly string[]): string[] {
  const text = content.toString("latin1"); // on Deno, bytes take twelve times as long to search
  return names.filter((name) => {
    const bytes = Buffer.from(name).toString("latin1");
    return text.includes(/^\w{2,}_\w{2,}$/.test(name) ? bytes : `\0${bytes}\0`);
  });
}

/** The beginning of a file; nothing of one that cannot be read, which is an error elsewhere. */
async function beginningOf(file: string): Promise<Buffer> {
  try {
    await using handle = await open(file);
    const { size } = await handle.stat();
    const content = Buffer.alloc(Math.min(size, SEARCHED_BYTES_MAX));
    const { bytesRead } = await handle.read(content, 0, content.byteLength, 0);
    return content.subarray(0, bytesRead);
  } catch {
    return Buffer.alloc(0);
  }
}

/** The warning about them. */
export function missedVariablesText(names: readonly string[]): string | undefined {
  const [first] = names;
  if (first === undefined) return undefined;
  const options = names.map((name) => `--env ${name}`).join(" ");
  return names.length === 1
    ? `the core seems to read ${first}, which is set here but does not reach it; ${options} sends it`
    : `the core seems to read ${
      names.join(", ")
    }, which are set here but do not reach it; ${options} sends them`;
}
