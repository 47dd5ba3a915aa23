/** Accepts connections until the listener is closed, in spite of errors. For the Deno adapter. */

import { type Clock, delay } from "../clock.ts";
import { codeOf } from "../error_text.ts";

/** Errors of a connection that closed before it was accepted (EINVAL on macOS). The next one may be fine. */
const GONE_CODES = ["ECONNABORTED", "ECONNRESET", "EINVAL", "ENOTCONN"];

/**
 * The pause after any other error, which may be temporary: the system has no free file descriptor, or a network
 * is down. Trying again costs little, but a listener that gives up would serve no more controllers.
 */
const PAUSE_MS = 100;

/**
 * The next connection, or `null` once the listener `isClosed`. The error of `accept` does not tell: it is the same
 * for a closed listener and for a broken one.
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
