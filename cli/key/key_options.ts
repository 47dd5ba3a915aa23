/** The commands below `distcomp key`: their names, help texts and values. */

import { parse as parseTime } from "@lukeed/ms";
import { type Command, Option } from "commander";
import type { Role } from "../../security/role.ts";
import type { Notes } from "../options/help_notes.ts";
import { DAYS_MAX } from "../options/option_values.ts";
import { UsageError } from "../program/usage_error.ts";

/** How long the old key is accepted beside the new one if the user does not say. */
const KEEP_MS = 7 * 24 * 60 * 60 * 1000;

/** What the user wants to do with a key. */
export type KeyAction =
  | { readonly kind: "create"; readonly file?: string | undefined }
  | { readonly kind: "show"; readonly key?: string | undefined }
  | {
    readonly kind: "export";
    readonly key?: string | undefined;
    readonly role: Role;
    readonly file?: string | undefined;
  }
  | { readonly kind: "browser"; readonly key?: string | undefined; readonly file: string }
  | { readonly kind: "rotate"; readonly key?: string | undefined; readonly keepMs: number };

/** Adds the commands to the parser and the help. `act` does what was typed. */
export function addKeyCommands(key: Command, act: (action: KeyAction) => Promise<void>): void {
  key.helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show the help of a command");
  key.command("create")
    .summary("make a key; fails if the file exists")
    .description("Make a key. Fails if the file exists: rotate replaces a key.")
    .argument("[file]", "where to put it (default: DISTCOMP_KEY, or ~/.config/distcomp/key)")
    .helpOption("-h, --help", "show this help")
    .action((file?: string) => act({ kind: "create", file }));
  withKeyOption(key.command("show"))
    .summary("show the fingerprint, roles and dates of a key")
    .description("Show the fingerprint, roles and dates of a key, but not its secret.")
    .action(({ key }: KeyFlags) => act({ kind: "show", key }));
  withKeyOption(key.command("export"))
    .summary("write a key that gives only one role")
    .description("Write a key that gives only one role.")
    .argument("[file]", "where to write it (default: stdout)")
    .addOption(
      new Option("--role <role>", "worker or controller (required)")
        .choices(["worker", "controller"]).makeOptionMandatory(),
    )
    .action((file: string | undefined, { key, role }: ExportFlags) =>
      act({ kind: "export", key, role, file })
    );
  withKeyOption(key.command("browser"))
    .summary("write certificates for a browser, for --web")
    .description(
      "Write certificates for a browser that looks at pages of runs and workers (--web).",
    )
    .argument("[file]", "where to write them", "distcomp-browser.pem")
    .action((file: string, { key }: KeyFlags) => act({ kind: "browser", key, file }));
  withKeyOption(key.command("rotate"))
    .summary("replace a key with a new one")
    .description("Replace a key with a new one that accepts the old one for some time.")
    .option("--keep <time>", "how long the old one is accepted (default: 7d)", parseKeep)
    .action(({ key, keep = KEEP_MS }: RotateFlags) => act({ kind: "rotate", key, keepMs: keep }));
}

/** Below the commands. */
export const KEY_NOTES: Notes = {
  examples: `
Examples:
  distcomp key create                      where workers and runs find it
  distcomp key show                        its fingerprint, and when it expires
  distcomp key export --role worker w.key  for machines that only run workers
  distcomp key browser                     what a browser needs for run --web
  distcomp key rotate --keep 2d            a new key; the old one for two days`,
  paragraphs: [
    "The key is the file of --key, else of DISTCOMP_KEY, else $XDG_CONFIG_HOME/distcomp/key or " +
    "~/.config/distcomp/key, which the first worker or run makes. All machines need the same key: " +
    "anyone who has it can run programs on the workers.",
    "Exit status: 0 done, 2 wrong usage, 3 the key cannot be used.",
  ],
};

interface KeyFlags {
  readonly key?: string;
}

interface ExportFlags extends KeyFlags {
  readonly role: Role;
}

interface RotateFlags extends KeyFlags {
  readonly keep?: number;
}

function withKeyOption(command: Command): Command {
  return command.option(
    "--key <file>",
    "the key (default: DISTCOMP_KEY, or ~/.config/distcomp/key)",
  )
    .helpOption("-h, --help", "show this help");
}

/** Returns milliseconds. */
function parseKeep(text: string): number {
  const ms = text.trim() === "0" ? 0 : parseTime(text.trim());
  if (ms !== undefined && ms >= 0 && Number.isSafeInteger(ms)) return ms;
  if (ms !== undefined && ms > 0) {
    throw new UsageError(`--keep must be at most ${DAYS_MAX}d, not "${text}"`);
  }
  throw new UsageError(`--keep must be a time such as 12h or 7d, or 0, not "${text}"`);
}
