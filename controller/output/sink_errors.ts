/** Why an output cannot be written. */

/** The output folder cannot be used. The run has to stop. */
export class SinkError extends Error {
  override name = "SinkError";
}

/** An output cannot have its name. Only its job fails. */
export class OutputNameError extends Error {
  override name = "OutputNameError";
}
