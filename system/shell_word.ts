/** Words of commands that a person may type into a shell. */

import { bytesOfName, isUtf8Name } from "../runtime/files/file_name.ts";
import { HIDDEN } from "./printable.ts";

/** What needs no quotes. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/** Characters that would control the terminal, or the order of others. */
const IS_HIDDEN = new RegExp(HIDDEN.source);

/** Every shell takes these in simple quotes. */
const HARMLESS = /[\n\t]/g;

/**
 * The argument quoted for a POSIX shell; if it is not UTF-8, or has characters that should not reach a terminal, for one
 * that knows `$'\\xe9'`, as most do.
 */
export function shellWord(arg: string): string {
  if (!isUtf8Name(arg) || IS_HIDDEN.test(arg.replace(HARMLESS, ""))) {
    return `$'${[...bytesOfName(arg)].map(quotedByte).join("")}'`;
  }
  return PLAIN.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`;
}

/** A byte within `$'…'`, in three octal digits: the end of a hex number is not clear to every shell. */
function quotedByte(byte: number): string {
  const character = String.fromCharCode(byte);
  return PLAIN.test(character) ? character : `\\${byte.toString(8).padStart(3, "0")}`;
}
