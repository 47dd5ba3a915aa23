/** What a reader of a tar reports, and the memory that it is lent. */

/** What a reader reports, in the order of the tar. */
export interface TarEvents {
  /** A file. `content` is `undefined` if it is larger than the limit. */
  onFile(name: string, bytes: number, content: Uint8Array<ArrayBuffer> | undefined): void;
  /** An entry that is neither a file nor a folder. `what` it is, with its article. */
  onSkipped(name: string, what: string): void;
  /** A file that cannot be read from the tar. */
  onUnreadable(name: string, reason: string): void;
  /** Another tar follows the end of one, `at` this byte. What follows are its files. */
  onAnother?(at: number): void;
}

/** Lends memory for contents; `undefined`: one of this size gets new memory. */
export interface ContentMemory {
  take(bytes: number): Uint8Array<ArrayBuffer> | undefined;
}

/** The bytes are not a tar, or end too early. `at` is where. */
export class TarError extends Error {
  override name = "TarError";

  constructor(reason: string, readonly at: number) {
    super(`at byte ${at}, ${reason}`);
  }
}
