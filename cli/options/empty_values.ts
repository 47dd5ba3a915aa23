/** Refuses options without a value, which is what a variable of the shell becomes that is not set. */

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

/** Makes a command, and those below it, refuse such options on the command line. */
export function refuseEmptyValues(command: Command): void {
  const emitter = command as unknown as EventEmitter; // it is one, which its types leave out
  for (const option of command.options) {
    // Before the option is parsed, which would not know of variables.
    emitter.prependListener(`option:${option.name()}`, (text) => checkValue(option, text));
  }
  for (const below of command.commands) refuseEmptyValues(below);
}

/** Throws a `UsageError` if an option needs a value and `text` is empty. */
export function checkValue(option: Option, text: unknown): void {
  const { required, long = "", flags, mandatory } = option;
  if (!required || text !== "" || OWN_ERRORS.includes(option.name())) return;
  const noun = NOUNS[/<(.*)>/.exec(flags)?.[1] ?? ""] ?? "a value";
  const without = mandatory ? "" : ` Leave ${long} out${defaultText(option)}`;
  throw new UsageError(`${long} needs ${noun}, not ""; is a variable not set?${without}`);
}

function defaultText({ defaultValue, description }: Option): string {
  const value = defaultValue ?? /\(default: (.*)\)$/.exec(description)?.[1];
  return value === undefined ? " to do without" : ` for the default: ${value}`;
}
