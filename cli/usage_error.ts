/** The error of a command that cannot be carried out as it was typed. */

/** Its message says what was typed and what to type instead. */
export class UsageError extends Error {
  override name = "UsageError";
}
