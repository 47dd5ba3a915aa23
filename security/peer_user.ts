/** Whether the other end of a connection is a process of this user on this machine. Then it needs no key. */

import process from "node:process";
import { delay } from "../runtime/clock.ts";
import { loopbackBytes } from "../runtime/network/loopback_address.ts";
import type { ByteStream, Runtime } from "../runtime/ports.ts";
import { ClosedAtOnceError } from "./refused_error.ts";

/** What is needed of the runtime. */
export type PeerPorts = Pick<Runtime, "peerUser" | "clock">;

/** Only Linux tells whose a connection is. */
const CAN_TELL = process.platform === "linux";

/** A worker that serves one controller after another may accept a connection late. Until then it is nobody's. */
const ACCEPTED_MS_MAX = 30_000;

/** For how long the system is asked that does not know the other end of a connection. */
const UNKNOWN_MS_MAX = 2_000;
const PAUSE_MS_FIRST = 1;
const PAUSE_MS_MAX = 50;

/** Whether a connection that was accepted comes from this user. */
export function isFromSameUser({ peerUser }: PeerPorts, { ends }: ByteStream): boolean {
  return ends !== undefined && peerUser?.(ends) === "same";
}

/**
 * Whether a connection that was dialed has reached this user, which is not known before it is accepted. Rejects, and
 * closes it, if that takes too long, or if the other end has closed it: nobody is there who could use a key.
 */
export async function isToSameUser(ports: PeerPorts, stream: ByteStream): Promise<boolean> {
  const { peerUser, clock } = ports;
  const { ends } = stream;
  if (!ends || !peerUser || !CAN_TELL || !loopbackBytes(ends.remote.host)) return false;
  const startMs = clock.now();
  for (let pauseMs = PAUSE_MS_FIRST;; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
    const user = peerUser(ends);
    const waitedMs = clock.now() - startMs;
    if (user === "closed") {
      stream.close();
      throw new ClosedAtOnceError();
    }
    if (user !== "unaccepted" && user !== "unknown") return user === "same";
    if (user === "unknown" && waitedMs >= UNKNOWN_MS_MAX) return false;
    if (waitedMs >= ACCEPTED_MS_MAX) {
      stream.close();
      throw new Error(`it has not accepted the connection within ${ACCEPTED_MS_MAX / 1000}s`);
    }
    await delay(clock, pauseMs);
  }
}
