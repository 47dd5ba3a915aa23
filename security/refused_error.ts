/** The error for a connection that one of the two sides does not accept. */

import { isLaterReason } from "../protocol/mod.ts";

/** Its message is a part of a sentence that is true on both sides. Trying again soon does not help. */
export class RefusedError extends Error {
  override name = "RefusedError";
}

/** The other side belongs to this user but cannot see it, and asks for TLS. The next attempt uses it. */
export class KeyNeededError extends RefusedError {
  override name = "KeyNeededError";
}

/** The other side has no place for a connection now: later it may have one. */
export class FullError extends Error {
  override name = "FullError";
}

/**
 * A program of this machine has left before it said anything. So does one of this user that has given up: it asked while
 * this process was stopped, and whose it was is not known any more.
 */
export class LeftError extends Error {
  override name = "LeftError";
}

/**
 * The other side has accepted the connection and closed it, without a word. So does a tunnel behind which nobody
 * listens.
 */
export class ClosedAtOnceError extends Error {
  override name = "ClosedAtOnceError";

  constructor() {
    super("it closed the connection at once");
  }
}

/** The error for the reason that the other side has given. */
export function refusedError(reason: string): RefusedError | FullError {
  return isLaterReason(reason) ? new FullError(reason) : new RefusedError(reason);
}
