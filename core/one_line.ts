/** Text from peers, cores and files as one line that shows what it is. */

/**
 * Sequences that take no place on a terminal: colors, erasing, character sets, and links or titles with their end. No
 * part of them has an escape, so each character is looked at once.
 */
const STYLES =
  // deno-lint-ignore no-control-regex -- control characters are what this finds
  /(?:\u001b\[|\u009b)[\d:;]*[Km]|\u001b\(B|\u001b\][^\u0000-\u001f\u007f-\u009f]*(?:\u0007|\u001b\\)/g;

/** Other sequences move the cursor. One may be cut off at the end. */
// deno-lint-ignore no-control-regex -- control characters are what this finds
const MOVES = /(?:\u001b\[|\u009b)[0-?]*[ -/]*(?:[@-~]|$)/g;

/** Most texts have no sequence, and are searched for this character only. */
// deno-lint-ignore no-control-regex -- control characters are what this finds
const ESCAPE = /[\u001b\u009b]/;

/**
 * Control characters, and those that change the order in which others are shown: a name with U+202E looks like
 * another one. Lines also end at U+2028 and U+2029.
 */
// deno-lint-ignore no-control-regex -- control characters are what this finds
export const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]+/g;

/** The text without its colors, and with a space for each run of what controls a terminal or the order of others. */
export function oneLine(text: string): string {
  const plain = ESCAPE.test(text) ? text.replace(STYLES, "").replace(MOVES, "\0") : text;
  return plain.replace(HIDDEN, " ");
}
