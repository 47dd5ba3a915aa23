/**
 * Rounds of reading: every connection is read once before any of them is read again.
 *
 * Deno reads at most 128 sockets between two looks at which ones have something, those first that it has noticed last.
 * If more than these are busy, it reads the same ones again and again, and others not for many seconds.
 */

import { type Clock, delay } from "../runtime/clock.ts";

/** Up to so many links, nobody waits: all are read between two looks. */
const FEW_LINKS = 100;

/** With so many reads between two looks, some that could have been read may be left. */
const MANY_READS = 100;

/** A round ends after so many looks that have found nothing: a timer may ring just before one. */
const QUIET_LOOKS = 2;

/** A timer makes the event loop look. Turns of `setImmediate` do not, on Deno. */
const LOOK_MS = 1;

/** The rounds of all links that one process reads. */
export class ReadRounds {
  readonly #clock: Clock;
  readonly #links: () => number;
  #reads = 0;
  #isCounting = false;
  #round: Promise<void> | undefined;

  /** `links`: how many there are. */
  constructor(clock: Clock, links: () => number = () => 0) {
    this.#clock = clock;
    this.#links = links;
  }

  /** A link has been read. It may be read again when this resolves; at once if it is `undefined`. */
  onRead(): Promise<void> | undefined {
    this.#reads += 1;
    if (!this.#round && !this.#isCounting && this.#links() > FEW_LINKS) void this.#count();
    return this.#round;
  }

  /** Resolves when everything has been read that has arrived. Links that have been read wait until then. */
  all(): Promise<void> {
    return this.#round ??= this.#readAll();
  }

  async #count(): Promise<void> {
    this.#isCounting = true;
    const reads = await this.#readsUntilLook();
    this.#isCounting = false;
    if (reads >= MANY_READS) void this.all();
  }

  async #readAll(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_LOOKS;) {
      quiet = await this.#readsUntilLook() === 0 ? quiet + 1 : 0;
    }
    this.#round = undefined;
  }

  /** How many reads end until the next look. */
  async #readsUntilLook(): Promise<number> {
    const before = this.#reads;
    await delay(this.#clock, LOOK_MS);
    return this.#reads - before;
  }
}
