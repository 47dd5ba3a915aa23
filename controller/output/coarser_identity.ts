/** Identities of files as runs wrote them that knew less about a file. */

/** An identity of a file: what builds before 0.1.0 wrote, whole seconds of its last change, and the digits after them. */
const FILE_IDENTITY = /^(?<old>file-\d+--?\d+-[0-9a-f]{8})(?<seconds>--?\d+)(?<digits>\.\d+)?$/;

/**
 * The other identities of the same input. Journals of builds before 0.1.0 have no time of the last change. Without access
 * to the C library, Deno knows only its whole seconds.
 */
export function coarserIdentities(identity: string): string[] {
  const { old, seconds, digits } = FILE_IDENTITY.exec(identity)?.groups ?? {};
  if (old === undefined) return [];
  return digits === undefined ? [old] : [`${old}${seconds}`, old];
}
