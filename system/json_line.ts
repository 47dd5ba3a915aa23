/** JSON for stdout, which may be a terminal. */

import { HIDDEN } from "./printable.ts";

/**
 * A value as JSON on one line, without characters that control a terminal or the order of others. JSON itself escapes
 * only those below U+0020: U+009B begins a sequence on some terminals.
 */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(HIDDEN, (found) => [...found].map(escaped).join(""));
}

/** All of these characters have four digits at most. */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
