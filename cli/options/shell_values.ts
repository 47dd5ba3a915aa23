/** Refuses values that no user means: empty ones, as of a variable that is not set, and a `~` that the shell has left. */

import type { Command, Option } from "commander";
import type { EventEmitter } from "node:events";
import { homeFolder } from "../../system/home_folder.ts";
import { UsageError } from "../program/usage_error.ts";

/** What the values are, by their names in the help. */
const NOUNS: Readonly<Record<string, string>> = {
  command: "a command",
  dir: "a folder",
  file: "a file",
  "file|dir": "a file or folder",
  "host:port": "an address",
  hosts: "hosts",
  list: "addresses or @FILE",
  node: "the name of a worker",
};

/** Those that say more when they are parsed. */
const OWN_ERRORS = ["workers"];

/** The values that name files. Of the others, some begin with `~` rightly: a command that a shell will run. */
const PATHS = ["dir", "file", "file|dir", "hosts", "host:port", "list"];

/** Makes a command, and those below it, refuse such values on the command line. */
export function refuseShellValues(command: Command): void {
  const emitter = command as unknown as EventEmitter; // it is one, which its types leave out
  for (const option of command.options) {
    // Before the option is parsed, which would not know of variables.
    emitter.prependListener(`option:${option.name()}`, (text) => checkValue(option, text));
  }
  for (const below of command.commands) refuseShellValues(below);
}

/** Throws a `UsageError` if `text`, which was typed, is a value of an option that no user means. */
function checkValue(option: Option, text: unknown): void {
  if (!option.required) return;
  const { long = "", mandatory } = option;
  if (text === "" && !OWN_ERRORS.includes(option.name())) {
    const without = mandatory ? "" : ` Leave ${long} out${defaultText(option)}`;
    throw new UsageError(`${neededText(option)}; is a variable not set?${without}`);
  }
  if (typeof text === "string" && isPath(option)) checkHome(long, text);
}

/** The same for a value in the settings, where nothing is expanded, variables neither. */
export function checkSetting(option: Option, value: unknown): void {
  if (!option.required) return;
  if (value === "") {
    throw new UsageError(`${neededText(option)}; remove this setting${defaultText(option)}`);
  }
  const tilde = typeof value === "string" && isPath(option) ? tildeIn(value) : undefined;
  if (tilde === undefined) return;
  throw new UsageError(
    `"${value}" does not name ${tilde.home}, as only shells expand ~; ` +
      `write ${tilde.inHome(homeFolder() ?? "/home/…")}, or ${tilde.literal}`,
  );
}

function neededText({ flags, long = "" }: Option): string {
  return `${long} needs ${NOUNS[valueName(flags)] ?? "a value"}, not ""`;
}

function isPath({ flags }: Option): boolean {
  return PATHS.includes(valueName(flags));
}

/** What the help calls the value: `dir` of `--workdir <dir>`. */
function valueName(flags: string): string {
  return /<(.*)>/.exec(flags)?.[1] ?? "";
}

/** What a shell makes a path of: `~`, `~/x`, `~name/x`, and in some shells `~+/x`. */
const TILDE = /^(@|unix:)?(~([+-]|[A-Za-z_][\w.-]*)?)(\/.*)?$/s;

/** A path that begins with a `~`, and what to write instead. */
interface Tilde {
  /** What the user means. */
  readonly home: string;
  /** The path that a shell would make of it. `own` is this user's home. */
  inHome(own: string): string;
  /** What to write for a name that begins with `~`. */
  readonly literal: string;
}

function tildeIn(path: string): Tilde | undefined {
  const [all, before = "", tilde, name, rest = ""] = TILDE.exec(path) ?? [];
  if (all === undefined) return undefined;
  const isOwn = name === undefined;
  return {
    home: isOwn ? "your home" : "a home",
    inHome: (own) => isOwn ? `${before}${own}${rest}` : "the absolute path",
    literal: `${before}./${tilde}${rest} for what is called ${tilde}`,
  };
}

/** Throws a `UsageError` for a path that begins with `~` or `~name`, which would name a folder called that. */
export function checkHome(where: string, path: string): void {
  const tilde = tildeIn(path);
  if (tilde === undefined) return;
  throw new UsageError(
    `${where} "${path}" does not name ${tilde.home}, as shells expand ~ only at the beginning of ` +
      `a word; write ${tilde.inHome("$HOME")}, or ${tilde.literal}`,
  );
}

function defaultText({ defaultValue, description }: Option): string {
  const value = defaultValue ?? /\(default: (.*)\)$/.exec(description)?.[1];
  return value === undefined ? " to do without" : ` for the default: ${value}`;
}
