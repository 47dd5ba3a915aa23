/** The error for a wrong command line. */

/** Its message says what was typed and what to type instead. */
export class UsageError extends Error {
  override name = "UsageError";
}
