/** The two files of a signer, NAME.key and NAME.pub, which may be named without their endings. */

import { existsSync } from "node:fs";

export const PRIVATE_SUFFIX = ".key";
export const PUBLIC_SUFFIX = ".pub";

/** The file of a public key. It may be called otherwise, too. */
export function publicKeyFile(name: string): string {
  const withSuffix = `${name}${PUBLIC_SUFFIX}`;
  return !existsSync(name) && existsSync(withSuffix) ? withSuffix : name;
}
