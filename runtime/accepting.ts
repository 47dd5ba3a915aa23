/** Accepting connections until the listener is closed, whatever goes wrong with one of them: for Deno's adapter. */

import { type Clock, delay } from "./clock.ts";
import { codeOf } from "./error_text.ts";

/** The connection was gone before we accepted it; macOS reports EINVAL then. The next one may be fine. */
const GONE_CODES = ["ECONNABORTED", "ECONNRESET", "EINVAL", "ENOTCONN"];

/**
 * The pause after any other error, which may pass: the system has no room for another connection, or a
 * network is down. Trying again costs little, while a listener that gives up serves no more controllers.
 */
const PAUSE_MS = 100;

/**
 * The next connection, or `null` once the listener `isClosed`. What `accept` throws does not tell: it is the
 * same for a listener that we have closed and for one that is broken.
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
      if (!isClosed() && !GONE_CODES.includes(codeOf(error))) await delay(clock, PAUSE_MS);
    }
  }
  return null;
}
