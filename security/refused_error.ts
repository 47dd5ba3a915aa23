/** The error for a connection that one of the two sides does not accept. */

/** Its message is a part of a sentence that is true on both sides. Trying again soon does not help. */
export class RefusedError extends Error {
  override name = "RefusedError";
}

/** The other side belongs to this user but cannot see it, and asks for TLS. The next attempt uses it. */
export class KeyNeededError extends RefusedError {
  override name = "KeyNeededError";
}
