/** Accepting connections until the listener is closed, whatever goes wrong with one of them: for Deno's adapter. */

import { type Clock, delay } from "./clock.ts";

/** The connection was gone before we had it, which macOS says with EINVAL. The next one may be sound. */
const GONE_CODES = ["ECONNABORTED", "ECONNRESET", "EINVAL", "ENOTCONN"];

/**
 * Whatever else is wrong may pass: the system has no room for one more connection until others end, a
 * network is down. Trying again costs little, and a listener that gives up is missed by everybody.
 */
const PAUSE_MS = 100;

/**
 * The next connection, or `null` once the listener `isClosed`. Only its owner's word counts for that: by
 * what `accept` throws, one that we have closed and one that is broken look the same.
 */
export async function acceptUntilClosed<T>(
  accept: () => Promise<T>,
  isClosed: () => boolean,
  clock: Clock,
): Promise<T | null> {
  while (!isClosed()) {
    try {
      return await accept();
    } catch (error) {
      const { code = "" } = (error ?? {}) as { code?: string };
      if (!isClosed() && !GONE_CODES.includes(code)) await delay(clock, PAUSE_MS);
    }
  }
  return null;
}
