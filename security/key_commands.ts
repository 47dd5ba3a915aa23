/** The commands that make a key and replace it, for those who lack one. */

import { shellWord } from "../system/shell_word.ts";
import { KeyError } from "./key_error.ts";
import type { KeyPlace } from "./key_place.ts";

/** The error for a place where there is no key. */
export function noKeyError({ path, isDefault }: KeyPlace): KeyError {
  const create = `distcomp key create${isDefault ? "" : ` ${shellWord(path)}`}`;
  return new KeyError(`There is no key "${path}"; make one with ${create}, or copy yours`);
}

/** The command that replaces the key at a place. */
export function rotateCommand({ path, isDefault }: KeyPlace): string {
  return `distcomp key rotate${isDefault ? "" : ` --key ${shellWord(path)}`}`;
}
