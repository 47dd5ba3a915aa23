/** What the long-running parts tell people. Handed in, so that a library user decides where it goes. */
export interface Log {
  /** What somebody who looks after a machine wants to know. */
  info(text: string): void;
  /** Something went wrong, and was handled. */
  warn(text: string): void;
  /** A core has printed a line; `text` says where, and has the line. */
  printed(text: string): void;
}

/** Says nothing. */
export const silentLog: Log = { info: () => {}, warn: () => {}, printed: () => {} };
