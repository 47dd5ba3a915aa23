/** Where the key of a user is. */

import { homedir } from "node:os";
import { isAbsolute } from "node:path";
import { join } from "../runtime/files/path.ts";
import { KeyError } from "./key_error.ts";

/** The environment variable that names another key. */
export const KEY_VARIABLE = "DISTCOMP_KEY";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where a key is. */
export interface KeyPlace {
  readonly path: string;
  /** Whether nobody has named it. Then it is made if there is none. */
  readonly isDefault: boolean;
}

/** The key that `--key` names, or else the variable, or else that of the user. */
export function keyPlace(named: string | undefined, env: Environment): KeyPlace {
  const path = named ?? (env[KEY_VARIABLE] || undefined);
  if (path !== undefined) return { path, isDefault: false };
  return { path: join(settingsFolder(env), "distcomp", "key"), isDefault: true };
}

/** `XDG_CONFIG_HOME` counts only if it is absolute, as its specification says. */
export function settingsFolder(env: Environment): string {
  const { XDG_CONFIG_HOME: folder = "" } = env;
  return isAbsolute(folder) ? folder : join(home(env), ".config");
}

function home(env: Environment): string {
  if (env["HOME"]) return env["HOME"];
  try {
    const folder = homedir();
    if (folder) return folder;
  } catch {
    // No entry in the list of users, or no permission to look.
  }
  throw new KeyError(`There is no home for a key: set HOME, or name a key with ${KEY_VARIABLE}`);
}
