/** `distcomp config`: shows the user's settings, and where they are. */

import type { Command } from "commander";
import { ExitCode } from "../program/exit_code.ts";
import { printable } from "../../system/format.ts";
import { checkSettings } from "./settings.ts";
import { readSettings, type Section, type Settings, settingsPath } from "./settings_file.ts";
import { writeStdout } from "../terminal/stdout.ts";

/** Variables that count more than the settings. */
const VARIABLES = ["DISTCOMP_WORKERS", "DISTCOMP_KEY"];

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs the command. Resolves to the exit status. Rejects if the settings cannot be used. */
export async function configCommand(program: Command, env: Environment): Promise<number> {
  const path = settingsPath(env);
  if (path === undefined) {
    writeStdout("no settings: there is no home directory; set HOME\n");
    return ExitCode.ok;
  }
  const settings = await readSettings(path);
  checkSettings(program, settings);
  writeStdout(`${settingsText(settings, env)}\n`);
  return ExitCode.ok;
}

/** The settings as command lines that do the same. */
export function settingsText({ path, isThere, sections }: Settings, env: Environment): string {
  const shown = printable(path);
  const example = '{"run": {"workers": "node1,node2", "retries": 2}, "worker": {"slots": 8}}';
  const lines = Object.entries(sections).map(([command, section]) =>
    `  distcomp ${command} ${optionsText(section)}`
  );
  const variables = VARIABLES.filter((name) => (env[name] ?? "") !== "")
    .map((name) => `  ${name}=${printable(env[name] ?? "")}`);
  return [
    isThere ? `settings in ${shown}:` : `no settings: ${shown} could have ${example}`,
    ...lines,
    ...(variables.length > 0 ? ["variables, which count more:", ...variables] : []),
  ].join("\n");
}

function optionsText(section: Section): string {
  return Object.entries(section).flatMap(([key, value]) => {
    if (value === true) return [`--${key}`];
    if (value === false) return [`(no --${key})`];
    const values = Array.isArray(value) ? value : [value];
    return values.map((one) => `--${key} ${printable(String(one))}`);
  }).join(" ");
}
