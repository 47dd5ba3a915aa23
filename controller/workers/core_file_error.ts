/** Why a core, or what comes with it, cannot be used. */

/** The file is not a compute core, is built for another kind of machine, or what comes with it cannot be used. */
export class CoreFileError extends Error {
  /** The name of this class of errors. */
  override name = "CoreFileError";

  /** The error for `file`, with the reason `why` it cannot be used. */
  constructor(file: string, why: string, options?: ErrorOptions) {
    super(`Cannot use "${file}" as a compute core: ${why}`, options);
  }
}

/** A file or folder that is to be put beside a core cannot be used. */
export class BesideFileError extends CoreFileError {
  constructor(file: string, why: string, options?: ErrorOptions) {
    super(file, why, options);
    this.message = `Cannot send "${file}" with the compute core: ${why}`;
  }
}
