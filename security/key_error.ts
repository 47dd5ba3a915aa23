/** The error for a key that cannot be used. */

/** Its message names the file, says what is wrong with it, and what to do. The exit status is 3. */
export class KeyError extends Error {
  override name = "KeyError";
}
