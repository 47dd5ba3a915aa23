/** Refuses values that no user means: empty ones, as of a variable that is not set, and a `~` that the shell has left. */

import type { Command, Option } from "commander";
import type { EventEmitter } from "node:events";
import { UsageError } from "../program/usage_error.ts";

/** What the values are, by their names in the help. */
const NOUNS: Readonly<Record<string, string>> = {
  command: "a command",
  dir: "a folder",
  file: "a file",
  "file|dir": "a file or folder",
  "host:port": "an address",
  hosts: "hosts",
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

/** Throws a `UsageError` if `text` is a value of an option that no user means. */
export function checkValue(option: Option, text: unknown): void {
  if (!option.required) return;
  const name = /<(.*)>/.exec(option.flags)?.[1] ?? "";
  if (text === "" && !OWN_ERRORS.includes(option.name())) throw emptyError(option, name);
  if (typeof text === "string" && PATHS.includes(name)) checkHome(option.long ?? "", text);
}

function emptyError(option: Option, name: string): UsageError {
  const { long = "", mandatory } = option;
  const without = mandatory ? "" : ` Leave ${long} out${defaultText(option)}`;
  const needed = `${long} needs ${NOUNS[name] ?? "a value"}, not ""`;
  return new UsageError(`${needed}; is a variable not set?${without}`);
}

/** What a shell makes a path of: `~`, `~/x`, `~name/x`, and in some shells `~+/x`. */
const TILDE = /^(@|unix:)?(~([+-]|[A-Za-z_][\w.-]*)?)(\/.*)?$/s;

/** Throws a `UsageError` for a path that begins with `~` or `~name`, which would name a folder called that. */
export function checkHome(where: string, path: string): void {
  const [all, before = "", tilde, name, rest = ""] = TILDE.exec(path) ?? [];
  if (all === undefined) return;
  const home = name === undefined ? "your home" : "a home";
  const written = name === undefined ? `${before}$HOME${rest}` : "the absolute path";
  throw new UsageError(
    `${where} "${path}" does not name ${home}, as shells expand ~ only at the beginning of a ` +
      `word; write ${written}, or ${before}./${tilde}${rest} for what is called ${tilde}`,
  );
}

function defaultText({ defaultValue, description }: Option): string {
  const value = defaultValue ?? /\(default: (.*)\)$/.exec(description)?.[1];
  return value === undefined ? " to do without" : ` for the default: ${value}`;
}
