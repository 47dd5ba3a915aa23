/**
 * Whether the other end of a connection over loopback belongs to the user of this process. Any user of a machine can
 * connect to 127.0.0.1, so the address says nothing. On Linux the kernel knows who made the socket.
 *
 * What the kernel says, and what it does not:
 *
 * - The user is the one that made the socket, also where another process has it now.
 * - The other end may pass the connection on, as `ssh -L` does. Nothing is known of what is behind it.
 * - The kernel translates ids to the user namespace of this process. All users that have no id there become one, the
 *   overflow user (65534, "nobody"). So that id says nothing, and is unknown, even where it is our own.
 * - Users are not containers. Containers that share a network and a user id (the containers of one Kubernetes pod, or
 *   those started with `--network host` as the same user without a user namespace) are the same user here.
 * - Only sockets of the own network namespace are found. A connection from any other one is not a loopback connection.
 */

import { readFileSync } from "node:fs";
import process from "node:process";
import { loopbackBytes } from "./loopback_address.ts";
import type { PeerUser, StreamEnds } from "../ports.ts";
import { type DiagnosisLibrary, SocketDiagnosis } from "../native/socket_diagnosis.ts";

/** What Linux uses if nobody has changed it. */
const OVERFLOW_USER = 65534;

/** Says whose the other end is, with the C library's functions that `open` opens at the first connection. */
export function peerUserBy(open: () => DiagnosisLibrary): (ends: StreamEnds) => PeerUser {
  let diagnosis: SocketDiagnosis | undefined;
  let isHidden = false;
  return (ends) => {
    const local = endOf(ends.local);
    const remote = endOf(ends.remote);
    if (process.platform !== "linux" || !local || !remote) return "unknown";
    try {
      if (!diagnosis && !isHidden) diagnosis = openDiagnosis(open);
      isHidden = !diagnosis;
      if (!diagnosis) return "hidden";
      const user = diagnosis.userOf(remote, local);
      if (user === "unaccepted" || user === "closed") return user;
      if (user === undefined || user === overflowUser()) return "unknown";
      // A socket belongs to the effective user of the process that has made it.
      return user === process.geteuid?.() ? "same" : "other";
    } catch {
      return "unknown"; // no permission to know the own user
    }
  };
}

/** Nothing without the permission to load a library, or to ask the kernel: also later there will be none. */
function openDiagnosis(open: () => DiagnosisLibrary): SocketDiagnosis | undefined {
  try {
    return SocketDiagnosis.open(open());
  } catch {
    return undefined;
  }
}

function endOf({ host, port }: StreamEnds["local"]) {
  const address = loopbackBytes(host);
  return address && { address, port };
}

let overflow: number | undefined;

function overflowUser(): number {
  if (overflow === undefined) {
    try {
      overflow = Number(readFileSync("/proc/sys/kernel/overflowuid", "utf8"));
    } catch {
      overflow = OVERFLOW_USER; // what the system starts with
    }
  }
  return overflow;
}
