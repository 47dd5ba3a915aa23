/** Finds the process that listens at a TCP port of this machine, as Linux tells it in `/proc`. */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** The state of a socket that listens, in the tables of TCP. */
const LISTENS = "0A";

/** Where a line of these tables has the address, the state and the inode. */
const ADDRESS_FIELD = 1;
const STATE_FIELD = 3;
const INODE_FIELD = 9;

/** The id of the process. `undefined` if there is none, if it is another user's, or where nobody can say. */
export function processListeningAt(port: number): number | undefined {
  const sockets = new Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) => {
    return linesOf(table).filter((fields) => listensAt(fields, port))
      .map((fields) => `socket:[${fields[INODE_FIELD]}]`);
  }));
  if (sockets.size === 0) return undefined;
  return namesIn("/proc").map(Number).find((pid) => pid > 0 && hasOneOf(pid, sockets));
}

function listensAt(fields: readonly string[], port: number): boolean {
  const address = fields[ADDRESS_FIELD] ?? "";
  return fields[STATE_FIELD] === LISTENS &&
    Number.parseInt(address.slice(address.indexOf(":") + 1), 16) === port;
}

function hasOneOf(pid: number, sockets: ReadonlySet<string>): boolean {
  return namesIn(`/proc/${pid}/fd`).some((fd) => {
    try {
      return sockets.has(readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch {
      return false; // just closed
    }
  });
}

function linesOf(path: string): string[][] {
  try {
    return readFileSync(path, "utf8").split("\n").map((line) => line.trim().split(/\s+/));
  } catch {
    return []; // a system without IPv6 has no such file
  }
}

/** None where this user may not look, and of a process that has just ended. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
