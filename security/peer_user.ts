/** Whether the other end of a connection is a process of this user on this machine. Then it needs no key. */

import process from "node:process";
import { delay } from "../runtime/clock.ts";
import { loopbackBytes } from "../runtime/network/loopback_address.ts";
import type { ByteStream, Runtime } from "../runtime/ports.ts";

/** What is needed of the runtime. */
export type PeerPorts = Pick<Runtime, "peerUser" | "clock">;

/** Only Linux tells whose a connection is. */
const CAN_TELL = process.platform === "linux";

/** A process that lives accepts a connection within this time. Until then nobody knows whose its other end is. */
const ACCEPTED_MS_MAX = 2_000;
const PAUSE_MS_FIRST = 1;
const PAUSE_MS_MAX = 50;

/** Whether a connection that was accepted comes from this user. */
export function isFromSameUser({ peerUser }: PeerPorts, { ends }: ByteStream): boolean {
  return ends !== undefined && peerUser?.(ends) === "same";
}

/** Whether a connection that was dialed has reached this user: not known before it is accepted. */
export async function isToSameUser(ports: PeerPorts, { ends }: ByteStream): Promise<boolean> {
  const { peerUser, clock } = ports;
  if (!ends || !peerUser || !CAN_TELL || !loopbackBytes(ends.remote.host)) return false;
  const untilMs = clock.now() + ACCEPTED_MS_MAX;
  for (let pauseMs = PAUSE_MS_FIRST;; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
    const user = peerUser(ends);
    if (user !== "unknown" || clock.now() >= untilMs) return user === "same";
    await delay(clock, pauseMs);
  }
}
