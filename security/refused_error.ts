/** The error for a connection that one of the two sides does not accept. */

/** Its message is a part of a sentence that is true on both sides. Trying again soon does not help. */
export class RefusedError extends Error {
  override name = "RefusedError";
}
