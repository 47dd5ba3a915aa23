/**
 * Files in which Linux describes itself, in `/proc` and `/sys`. They are read through a parameter, so that tests can make
 * up machines.
 */

import { readdirSync, readFileSync } from "node:fs";

/** What is read of them. */
export interface ProcFiles {
  /** The text of a file; `undefined` if there is none, or it may not be read. */
  text(path: string): string | undefined;
  /** The names in a folder; none if there is no such folder. */
  names(path: string): readonly string[];
}

/** The files of this machine. */
export const thisSystem: ProcFiles = {
  text: (path) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined; // as the port says: many systems lack it, or do not show it
    }
  },
  names: (path) => {
    try {
      return readdirSync(path);
    } catch {
      return []; // as above
    }
  },
};
