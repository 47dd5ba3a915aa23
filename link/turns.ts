/**
 * Turns of the event loop for what takes a millisecond, one after another: however many links have such work, what
 * else there is to do comes in between.
 */

import { nextTurn } from "../runtime/clock.ts";

/**
 * Frames that are delivered in one turn of the event loop: a read brings up to 15,000 small ones, and other
 * connections must not wait until all of them are handled. A full read of jobs with 64 bytes has fewer.
 */
export const FRAMES_PER_TURN_MAX = 4_096;

/** The turns of several links. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Resolves when it is the caller's turn, in a turn of the event loop that nobody else has got. */
  next(): Promise<void> {
    return this.#last = this.#last.then(nextTurn);
  }
}
