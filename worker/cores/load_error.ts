/** The error of a core that could not be loaded. */

/** A core could not be loaded. */
export class LoadError extends Error {
  override name = "LoadError";

  /**
   * `kind`: whether the core itself is to blame, its process was killed or told to end from outside, or the load
   * was abandoned. Damaged: its files are no longer what its controller has sent, and it can send them again.
   */
  constructor(
    reason: string,
    readonly kind: "core" | "killed" | "terminated" | "abandoned" | "damaged" = "core",
  ) {
    super(reason);
  }
}
