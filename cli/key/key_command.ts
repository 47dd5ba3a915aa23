/** `distcomp key`: makes, shows, exports and replaces keys. */

import process from "node:process";
import type { Runtime } from "../../runtime/ports.ts";
import { DAY_MS, dayText, minuteText } from "../../security/dates.ts";
import { fingerprintText } from "../../security/fingerprint.ts";
import { acceptedBeside, type Key, keyForRole, rolesOf } from "../../security/key.ts";
import { noKeyError, rotateCommand } from "../../security/key_commands.ts";
import { KeyError } from "../../security/key_error.ts";
import { BACKDATED_MS, makeKey, rotateKey } from "../../security/key_maker.ts";
import { type KeyPlace, keyPlace } from "../../security/key_place.ts";
import {
  createKeyFile,
  KeyExistsError,
  readKey,
  replaceKeyFile,
} from "../../security/key_store.ts";
import { textOfKey } from "../../security/key_text.ts";
import { type Role, ROLES } from "../../security/role.ts";
import { ExitCode } from "../program/exit_code.ts";
import { formatNoun, printable } from "../../system/format.ts";
import type { KeyAction } from "./key_options.ts";
import { writeStdout } from "../terminal/stdout.ts";
import { tableLines } from "../terminal/table_lines.ts";
import { UsageError } from "../program/usage_error.ts";

/** Runs the command. Resolves to the exit status. Rejects with a `KeyError` if the key cannot be used. */
export async function keyCommand(runtime: Runtime, action: KeyAction): Promise<number> {
  if (action.kind === "create") await create(runtime, keyPlace(action.file, process.env));
  else {
    const place = keyPlace(action.key, process.env);
    const key = await existingKey(place);
    if (action.kind === "show") show(place.path, key, runtime.clock.date());
    else if (action.kind === "browser") {
      const { writeBrowserFile } = await import("./key_browser.ts");
      await writeBrowserFile(runtime, place.path, key, action.file);
    } else if (action.kind === "rotate") await rotate(runtime, place.path, key, action.keepMs);
    else await exportRole(runtime, place.path, key, action.role, action.file);
  }
  return ExitCode.ok;
}

async function create(runtime: Runtime, { path, isDefault }: KeyPlace): Promise<void> {
  const key = await makeKey(runtime);
  await createKeyFile(path, key, runtime.random, isDefault).catch(async (cause) => {
    if (!(cause instanceof KeyExistsError)) throw cause;
    throw new UsageError(await existingText({ path, isDefault }), { cause });
  });
  const use = isDefault
    ? "Workers and runs of this user find it there. Other machines need a copy in the same place."
    : "Workers and runs find it by --key, or by the variable DISTCOMP_KEY. All machines need a copy.";
  say(`made the key ${fingerprintText(key.fingerprint)} in "${path}"`, use);
}

function show(path: string, key: Key, nowMs: number): void {
  const leftMs = key.notAfterMs - nowMs;
  const left = leftMs >= 0 ? `in ${formatNoun(Math.ceil(leftMs / DAY_MS), "day")}` : "expired";
  const rows: (readonly [string, string])[] = [
    ["file", path],
    ["key", fingerprintText(key.fingerprint)],
    ["for", rolesText(rolesOf(key))],
    ["made", dayText(key.notBeforeMs + BACKDATED_MS)],
    ["expires", `${dayText(key.notAfterMs)} (${left})`],
    ...acceptedBeside(key, nowMs).map(({ fingerprint, acceptedUntilMs }) =>
      ["accepts", `${fingerprintText(fingerprint)} until ${minuteText(acceptedUntilMs)}`] as const
    ),
  ];
  writeStdout(`${tableLines(rows).map((line) => line.trimStart()).join("\n")}\n`);
}

async function exportRole(
  runtime: Runtime,
  path: string,
  key: Key,
  role: Role,
  file: string | undefined,
): Promise<void> {
  if (!rolesOf(key).includes(role)) {
    throw new UsageError(`The key "${path}" is not for ${role}s, so it cannot give this role`);
  }
  const part = keyForRole(key, role);
  if (file === undefined) return writeStdout(textOfKey(part));
  await createFile(runtime, file, part);
  say(`wrote the key ${fingerprintText(key.fingerprint)} for ${role}s to "${file}"`);
}

async function rotate(runtime: Runtime, path: string, old: Key, keepMs: number): Promise<void> {
  if (rolesOf(old).length < ROLES.length) {
    throw new UsageError(
      `The key "${path}" is for ${rolesText(rolesOf(old))}; rotate the one that it was exported ` +
        "from, and export it again",
    );
  }
  const key = await rotateKey(old, keepMs, runtime);
  await replaceKeyFile(path, old, key, runtime.random);
  const [accepted] = key.replaced;
  say(
    `made the key ${fingerprintText(key.fingerprint)} in "${path}"`,
    accepted
      ? `The old key, ${fingerprintText(old.fingerprint)}, is accepted until ` +
        `${
          minuteText(accepted.acceptedUntilMs)
        }. Copy the new one to the other machines and start ` +
        "their workers again by then."
      : `The old key, ${
        fingerprintText(old.fingerprint)
      }, is not accepted any more. Copy the new ` +
        "one to the other machines, and start all workers again: they have the old one in memory.",
  );
}

async function existingKey(place: KeyPlace): Promise<Key> {
  const key = await readKey(place);
  if (key) return key;
  throw noKeyError(place);
}

/** Why there is nothing to make. */
async function existingText(place: KeyPlace): Promise<string> {
  const key = await readKey(place).catch((error) => {
    if (error instanceof KeyError) return undefined;
    throw error;
  });
  if (!key) return `There is already a file "${place.path}", which is not a key; name another`;
  return `There is the key ${fingerprintText(key.fingerprint)} in "${place.path}" already; ` +
    `copy it to the other machines, or replace it with ${rotateCommand(place)}`;
}

async function createFile(runtime: Runtime, path: string, key: Key): Promise<void> {
  try {
    await createKeyFile(path, key, runtime.random);
  } catch (cause) {
    if (!(cause instanceof KeyExistsError)) throw cause;
    throw new UsageError(`There is a file "${path}" already; name another`, { cause });
  }
}

function rolesText(roles: readonly Role[]): string {
  const names = roles.map((role) => `${role}s`).join(" and ");
  return roles.length === ROLES.length ? names : `${names} only`;
}

function say(...lines: readonly string[]): void {
  writeStdout(lines.map((line) => `${printable(line)}\n`).join(""));
}
