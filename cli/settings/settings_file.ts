/** The user's settings, `~/.config/distcomp/config.json`: defaults for the options of commands. */

import type { Stats } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import process from "node:process";
import { codeOf, reasonOf } from "../../runtime/error_text.ts";
import { join } from "../../runtime/files/path.ts";
import { settingsFolder } from "../../security/key_place.ts";
import { UsageError } from "../program/usage_error.ts";
import { type JsonFault, jsonFaultIn } from "./json_fault.ts";

/** Who else may write to the file decides what this user runs. */
const OTHERS_WRITE = 0o022;

/** A longer file is none of settings. */
const BYTES_MAX = 1024 * 1024;

/** Some editors begin a file with it. */
const BYTE_ORDER_MARK = /^\ufeff/;

/** The defaults of one command: values by the names of options, without `--`. */
export type Section = Readonly<Record<string, unknown>>;

/** The settings: a section for each command that has any. */
export interface Settings {
  readonly path: string;
  readonly isThere: boolean;
  readonly sections: Readonly<Record<string, Section>>;
}

/** Where the settings are; `undefined` if this user has no home for any. */
export function settingsPath(
  env: Readonly<Record<string, string | undefined>>,
  homeOfUser?: () => string,
): string | undefined {
  const folder = settingsFolder(env, homeOfUser);
  return folder && join(folder, "distcomp", "config.json");
}

/** Where there is no file, or no home that this user may look into. */
const NO_FILE = ["ENOENT", "ENOTDIR", "EACCES"];

/** Reads the settings. Without a file, there are none. */
export async function readSettings(path: string): Promise<Settings> {
  const info = await statOf(path);
  if (!info) return { path, isThere: false, sections: {} };
  try {
    const { mode, uid, size } = info;
    if (!info.isFile() && !info.isDirectory()) throw new Error("it is not a file"); // a pipe would block
    if (size > BYTES_MAX) throw new Error("it is too large");
    checkOwner(path, mode, uid);
    return { path, isThere: true, sections: sectionsIn(await readFile(path, "utf8")) };
  } catch (cause) {
    throw unusable(path, cause);
  }
}

/** `stat` needs no permission for the file itself, but for the folders that lead to it. */
async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (cause) {
    if (NO_FILE.includes(codeOf(cause) ?? "")) return undefined;
    throw unusable(path, cause);
  }
}

function unusable(path: string, cause: unknown): UsageError {
  return new UsageError(`Cannot use the settings "${path}": ${reasonOf(cause)}`, { cause });
}

function checkOwner(path: string, mode: number, uid: number): void {
  const user = process.getuid?.();
  if (user === undefined) return; // its modes say nothing here
  if (uid !== user && uid !== 0) throw new Error("they belong to another user");
  if (mode & OTHERS_WRITE) {
    throw new Error(`other users can change them; type chmod go-w "${path}"`);
  }
}

function sectionsIn(text: string): Record<string, Section> {
  const json = text.replace(BYTE_ORDER_MARK, "");
  const fault = jsonFaultIn(json);
  if (fault) throw new Error(faultText(fault));
  const value: unknown = JSON.parse(json);
  if (!isObject(value)) throw new Error('they must be an object, such as {"run": {"retries": 2}}');
  for (const [command, section] of Object.entries(value)) {
    if (isObject(section)) continue;
    throw new Error(`"${command}" must be an object of options, such as {"retries": 2}`);
  }
  return value as Record<string, Section>;
}

function faultText({ line, column, found, isTooDeep }: JsonFault): string {
  const place = `line ${line}, column ${column}`;
  if (isTooDeep) return `they are nested too deeply, in ${place}`;
  return found === undefined
    ? `they end too early for JSON, in ${place}`
    : `${place} is not JSON: unexpected ${found}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
