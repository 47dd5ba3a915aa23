/** The home of this user. There need not be any: in a container, a user may have no entry in the list of users. */

import { homedir } from "node:os";
import process from "node:process";

/** The home that `HOME` names, or else the list of users; `undefined` if neither does. */
export function homeFolder(
  env: Readonly<Record<string, string | undefined>> = process.env,
  homeOfUser = homedir,
): string | undefined {
  try {
    return env["HOME"] || homeOfUser() || undefined;
  } catch {
    return undefined; // no entry in the list, or no permission to look
  }
}
