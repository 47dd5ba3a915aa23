/**
 * Rounds of reading: every connection is read once before any of them is read again.
 *
 * Deno reads at most 128 sockets between two polls for those that have something, those first that it has noticed last.
 * If more than these are busy, it reads the same ones again and again, and others not for many seconds.
 */

import { type Clock, delay } from "../runtime/clock.ts";

/** With up to this many links, every poll resumes all of them. */
const FEW_LINKS = 100;

/** With more links, a round begins this long after the last one. It takes some 50 ms, in which busy links wait. */
const BETWEEN_ROUNDS_MS = 1_000;

/** A timer makes the event loop poll. Turns of `setImmediate` do not, on Deno. */
const POLL_MS = 1;

/**
 * A round ends after this many polls that have found nothing. Several timers may fire before what was found has been
 * read: with four, some rounds ended after the first 128 of a thousand.
 */
const QUIET_POLLS = 10;

/** The rounds, as one link takes part in them. */
export interface LinkRounds {
  /** The link has been read. It may be read again when this resolves; at once if it is `undefined`. */
  onRead(): Promise<void> | undefined;
  /** Resolves when everything has been read that has arrived. Links that have been read wait until then. */
  all(): Promise<void>;
}

/** The rounds of all links that one process reads. */
export class ReadRounds {
  readonly #clock: Clock;
  readonly #links: () => number;
  #reads = 0;
  #round: Promise<void> | undefined;
  /** How many rounds have begun. */
  #begun = 0;
  #endedAtMs = -Infinity;

  /** `links`: how many there are. */
  constructor(clock: Clock, links: () => number = () => 0) {
    this.#clock = clock;
    this.#links = links;
  }

  /**
   * A link begins. It takes part in the rounds that begin later, not in one that has begun: connections that
   * keep coming would never let that one end, and all others wait for it.
   */
  join(): LinkRounds {
    const joinedIn = this.#begun;
    return {
      onRead: () => this.#round && joinedIn === this.#begun ? undefined : this.#onRead(),
      all: () => this.#all(),
    };
  }

  #onRead(): Promise<void> | undefined {
    this.#reads += 1;
    if (!this.#round && this.#isDue()) void this.#all();
    return this.#round;
  }

  #all(): Promise<void> {
    return this.#round ??= this.#readAll();
  }

  #isDue(): boolean {
    return this.#links() > FEW_LINKS && this.#clock.now() - this.#endedAtMs >= BETWEEN_ROUNDS_MS;
  }

  async #readAll(): Promise<void> {
    this.#begun += 1;
    for (let quiet = 0; quiet < QUIET_POLLS;) {
      const before = this.#reads;
      await delay(this.#clock, POLL_MS);
      quiet = this.#reads === before ? quiet + 1 : 0;
    }
    this.#round = undefined;
    this.#endedAtMs = this.#clock.now();
  }
}
