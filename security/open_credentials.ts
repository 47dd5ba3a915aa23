/** The way to a process's credentials. */

import type { Credentials, CredentialsOptions } from "./credentials.ts";
import type { Role } from "./role.ts";

/**
 * Opens the key that is named, or the user's own, which is made if there is none. Rejects with a `KeyError` that says
 * why it cannot be used in this role. X.509 is loaded now and not before, so that who needs no key does not pay for it.
 */
export async function openCredentials(
  role: Role,
  options: CredentialsOptions,
): Promise<Credentials> {
  const { KeyCredentials } = await import("./key_credentials.ts");
  return await KeyCredentials.open(role, options);
}
