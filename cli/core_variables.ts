/** The environment variables of a run: those that `--env` gives, and those that a core would look for in vain. */

import { Buffer } from "node:buffer";
import process from "node:process";
import { variableProblem } from "../protocol/mod.ts";
import { UsageError } from "./usage_error.ts";

type Variables = Readonly<Record<string, string>>;

/** Shells set these for themselves. */
const OF_SHELL = new Set(["PWD", "OLDPWD", "SHLVL", "HOSTNAME", "HOST", "EDITOR", "PAGER", "MAIL"]);

/** A core that is larger than this is searched only so far. */
const SEARCHED_BYTES_MAX = 64 * 1024 * 1024;

/** Adds what `--env` gives, `NAME=VALUE` or `NAME`, to the variables before it. The last value of a name counts. */
export function withVariable(text: string, variables: Variables): Variables {
  const at = text.indexOf("=");
  const name = at < 0 ? text : text.slice(0, at);
  const value = at < 0 ? valueHere(name) : text.slice(at + 1);
  if (value === undefined) {
    throw new UsageError(
      `--env ${name} takes the value that ${name} has here, but it is not set; give it: --env ${name}=VALUE`,
    );
  }
  const problem = variableProblem(name, value);
  if (problem !== undefined) throw new UsageError(`--env: ${problem}`);
  return { ...variables, [name]: value };
}

/** Not what every object has: `toString` is the name of a variable like others. */
function valueHere(name: string): string | undefined {
  return Object.hasOwn(process.env, name) ? process.env[name] : undefined;
}

/**
 * The names of variables that are set here, that the core seems to read, and that it will not get: they are neither
 * given by `--env` nor inherited by slots. A core that reads a variable contains its name as a C string.
 */
export function variablesLeftBehind(
  core: Uint8Array,
  given: Variables,
  isInherited: (name: string) => boolean,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string[] {
  const content = Buffer.from(
    core.buffer,
    core.byteOffset,
    Math.min(core.byteLength, SEARCHED_BYTES_MAX),
  );
  return Object.keys(environment).filter((name) =>
    name.length >= 3 && !Object.hasOwn(given, name) && !OF_SHELL.has(name) && !isInherited(name) &&
    content.includes(`\0${name}\0`)
  ).sort();
}

/** The warning about them. */
export function leftBehindText(names: readonly string[]): string | undefined {
  const [first] = names;
  if (first === undefined) return undefined;
  const options = names.map((name) => `--env ${name}`).join(" ");
  return names.length === 1
    ? `the core seems to read ${first}, which is set here but does not reach it; ${options} sends it`
    : `the core seems to read ${
      names.join(", ")
    }, which are set here but do not reach it; ${options} sends them`;
}
