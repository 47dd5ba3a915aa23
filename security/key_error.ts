/** The error for a key that cannot be used. */

/** A key cannot be used. The message names the file, says what is wrong with it, and what to do. */
export class KeyError extends Error {
  /** The name of this class of errors. */
  override name = "KeyError";
}
