/** The key of a core, as people see it. */

import { printable } from "../../system/format.ts";

/** This many digits of a SHA-256 tell it from others. */
const KEY_CHARS = 12;

/** The beginning of the key, which is the SHA-256 of the core. */
export function shortKey(key: string): string {
  return printable(key.slice(0, KEY_CHARS));
}
