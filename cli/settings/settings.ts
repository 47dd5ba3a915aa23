/** Gives options the values of the user's settings, where the command line and the environment give none. */

import type { Command, Option } from "commander";
import { messageOf } from "../../runtime/error_text.ts";
import type { Section, Settings } from "./settings_file.ts";
import { checkSetting } from "../options/shell_values.ts";
import { SHARE_OPTIONS } from "../options/share_options.ts";
import { UsageError } from "../program/usage_error.ts";

/** What names the inputs of one run, or would be dangerous if somebody forgot that it is there. */
const NO_DEFAULTS = [
  "inputs",
  "lines",
  "repeat",
  "param",
  "null",
  "fresh",
  "retry-failed",
  "keep-done",
  "dry-run",
  "insecure",
  "help",
];

/** Variables that give an option its value. */
const VARIABLES: Readonly<Record<string, string>> = {
  workers: "DISTCOMP_WORKERS",
  key: "DISTCOMP_KEY",
};

/** Options of which a command line has one at most, and so have the settings. */
const CHOICES = [["output", "pack"], ["suffix", "name"]];

/** The same for `distcomp worker`: `distcomp run --ssh` starts workers with `--stdio`. */
const WORKER_CHOICES = [["listen", "connect", "stdio"]];

/** Where one of these is given, or of a choice, settings of the others do not count. */
const ALTERNATIVES = [["checksum", "inputs", "lines", "repeat", "param"], ["slots", "gpus"]];

/** The options that name workers. */
const REMOTE = ["workers", "listen", "ssh"];

/** The options about this machine: a run with workers does not take them. */
const LOCAL: readonly string[] = SHARE_OPTIONS;

/** Errors show a longer value only in part. */
const VALUE_CHARS_MAX = 40;

type Environment = Readonly<Record<string, string | undefined>>;

/** Gives the options of a command, which has been parsed, the values of its section. */
export function applySettings(command: Command, settings: Settings, env: Environment): void {
  const section = settings.sections[command.name()];
  if (!section) return;
  const isSet = (key: string) => isGiven(command, key, env);
  const isWorker = command.name() === "worker";
  const groups = [...ALTERNATIVES, ...choicesOf(command)];
  const given = new Set(groups.filter((group) => group.some(isSet)).flat());
  const usesWorkers = REMOTE.some((key) => isSet(key) || section[key] !== undefined);
  for (const [option, value] of valuesOf(command, section, settings.path)) {
    const key = keyOf(option);
    if (isSet(key) || given.has(key)) continue;
    if (!isWorker && usesWorkers && LOCAL.includes(key)) continue;
    command.setOptionValueWithSource(option.attributeName(), value, "config");
  }
}

/** Rejects settings of commands or options that there are not. */
export function checkSettings(program: Command, { sections, path }: Settings): void {
  for (const [name, section] of Object.entries(sections)) {
    const command = program.commands.find((one) => one.name() === name);
    if (!command || command.commands.length > 0) {
      throw new UsageError(`Unknown command "${name}" in the settings "${path}"`);
    }
    valuesOf(command, section, path);
  }
}

function isGiven(command: Command, key: string, env: Environment): boolean {
  const option = optionOf(command, key);
  if (!option) return false;
  if (command.getOptionValueSource(option.attributeName()) === "cli") return true;
  const variable = VARIABLES[key];
  return variable !== undefined && (env[variable] ?? "").trim() !== "";
}

function choicesOf(command: Command): string[][] {
  return command.name() === "worker" ? WORKER_CHOICES : CHOICES;
}

/** The values of a section, parsed as on the command line. */
function valuesOf(command: Command, section: Section, path: string): [Option, unknown][] {
  checkChoices(command, section, path);
  return Object.entries(section).map(([key, value]) => {
    try {
      const option = NO_DEFAULTS.includes(key) ? undefined : optionOf(command, key);
      if (option) return [option, parsed(option, value)];
    } catch (cause) {
      const reason = messageOf(cause).replace(/\.$/, "");
      throw new UsageError(`Cannot use "${key}" in the settings "${path}": ${reason}`, { cause });
    }
    const why = optionOf(command, key)
      ? `--${key} can only be given on the command line`
      : `distcomp ${command.name()} has no option --${key}`;
    throw new UsageError(`Cannot use "${key}" in the settings "${path}": ${why}`);
  });
}

function checkChoices(command: Command, section: Section, path: string): void {
  for (const choice of choicesOf(command)) {
    const [one, other] = choice.filter((key) =>
      Object.hasOwn(section, key) && section[key] !== false
    )
      .map((key) => optionOf(command, key)?.flags);
    if (one === undefined || other === undefined) continue;
    throw new UsageError(
      `Option "${other}" cannot be used with option "${one}"; remove one from the settings "${path}"`,
    );
  }
}

function parsed(option: Option, value: unknown): unknown {
  if (!option.required && !option.optional) {
    if (typeof value !== "boolean") throw wrongValue("true or false", value);
    return option.negate ? !value : value;
  }
  const values = Array.isArray(value) ? value : [value];
  if (values.length === 0 || (values.length > 1 && !option.parseArg)) {
    throw wrongValue("one value", value);
  }
  return values.reduce((before: unknown, one: unknown) => {
    if (typeof one !== "string" && typeof one !== "number") {
      throw wrongValue("a string or a number", one);
    }
    checkSetting(option, one);
    return option.parseArg ? option.parseArg(String(one), before as string) : String(one);
  }, undefined);
}

function wrongValue(needed: string, value: unknown): UsageError {
  const text = JSON.stringify(value);
  const shown = text.length <= VALUE_CHARS_MAX ? text : `${text.slice(0, VALUE_CHARS_MAX)}…`;
  return new UsageError(`it must be ${needed}, not ${shown}`);
}

function optionOf(command: Command, key: string): Option | undefined {
  return command.options.find((option) => keyOf(option) === key);
}

/** `workers` for `-w, --workers <list>`. */
function keyOf({ long = "" }: Option): string {
  return long.slice("--".length);
}
