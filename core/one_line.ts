/** Text from peers, cores and files as one line that shows what it is. */

/**
 * Control characters, and those that change the order in which others are shown: a name with U+202E looks like
 * another one. Lines also end at U+2028 and U+2029.
 */
// deno-lint-ignore no-control-regex -- control characters are what this finds
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]+/g;

/** The text with a space for each run of characters that control a terminal or the order of others. */
export function oneLine(text: string): string {
  return text.replace(HIDDEN, " ");
}
