/** The log interface. It is a parameter, so that a program that uses the library can supply its own log. */

/** Receives log lines. */
export interface Log {
  /** An event that interests an administrator of the machine. */
  info(text: string): void;
  /** A problem that was handled. */
  warn(text: string): void;
  /** A line that a core has printed. `text` also says which slot or job it comes from. */
  printed(text: string): void;
  /** A problem with several things at once: a title, and a row for each. A log without this method gets lines. */
  table?(title: string, rows: readonly (readonly [string, string])[]): void;
  /**
   * A promise that resolves when the log has room for more printed lines; `undefined` if it has room now. A log
   * without this method always has room.
   */
  room?(): Promise<void> | undefined;
}

/** Drops everything. */
export const silentLog: Log = { info: () => {}, warn: () => {}, printed: () => {} };
