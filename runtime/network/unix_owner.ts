/** Who has made a Unix socket. */

import { statSync } from "node:fs";
import process from "node:process";

/**
 * Refuses to dial a Unix socket that another user has made: that user would get what is sent there. Others can put a
 * socket at any path in a folder to which they may write, such as `/tmp`.
 */
export function checkOwnSocket(path: string): void {
  const { uid } = statSync(path);
  if (uid !== process.geteuid?.()) throw new Error(`the socket is another user's (id ${uid})`);
}
