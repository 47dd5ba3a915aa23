/** Where the long-running parts report to. Handed in, so that a program that uses the library decides. */

/** Takes lines for people. */
export interface Log {
  /** Something that an administrator of the machine wants to know. */
  info(text: string): void;
  /** Something went wrong, and was handled. */
  warn(text: string): void;
  /** A core has printed a line; `text` holds the line, and where it comes from. */
  printed(text: string): void;
  /**
   * Resolves when there is room for more printed lines; `undefined` if there is now. Without this method
   * there always is.
   */
  room?(): Promise<void> | undefined;
}

/** Reports nothing. */
export const silentLog: Log = { info: () => {}, warn: () => {}, printed: () => {} };
