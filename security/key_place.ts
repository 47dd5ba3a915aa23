/** Where the key of a user is. */

import { isAbsolute } from "node:path";
import { join } from "../runtime/files/path.ts";
import { homeFolder } from "../system/home_folder.ts";
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
  const folder = settingsFolder(env);
  if (folder !== undefined) return { path: join(folder, "distcomp", "key"), isDefault: true };
  throw new KeyError(
    `There is no home directory for a key: set HOME, or name a key with ${KEY_VARIABLE}`,
  );
}

/** `undefined` without a home. `XDG_CONFIG_HOME` counts only if it is absolute, as its specification says. */
export function settingsFolder(env: Environment, homeOfUser?: () => string): string | undefined {
  const { XDG_CONFIG_HOME: folder = "" } = env;
  if (isAbsolute(folder)) return folder;
  const home = homeFolder(env, homeOfUser);
  return home && join(home, ".config");
}
