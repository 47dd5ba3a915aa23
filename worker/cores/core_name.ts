/** The name that a controller gives a core. It is used in messages only, and may be as long as a payload. */

/** Names of files have at most 255 bytes. */
const NAME_CHARS_MAX = 255;

/** A name of bounded length, which keeps nothing of a longer one in memory. */
export function coreName(name: string): string {
  if (name.length <= NAME_CHARS_MAX) return name;
  // A part of a string may share the memory of the whole; what is decoded does not.
  const bytes = new TextEncoder().encode(name.slice(0, NAME_CHARS_MAX));
  return `${new TextDecoder().decode(bytes)}…`;
}
