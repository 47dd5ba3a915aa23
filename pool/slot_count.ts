/**
 * How many slots an endpoint has that doesn't say: as many as its answers have shown.
 *
 * Jobs start in the order they come. So jobs whose answers come closer together than the shortest job is
 * long were at work at once, and with them all that are older than one of them and still out. A window of
 * twice the slots shown lets that double until it is true.
 */

/**
 * Shorter responses tell nothing: a worker like ours has 2 ms of work wait at each slot, out of order, and
 * sends what it has to say together.
 */
const TELLING_RESPONSE_MS_MIN = 4;

/** The shortest response ever is no shorter than its job. Half of it is for jobs that were shorter still. */
const SHORTEST_PART = 0.5;

/**
 * When jobs have become longer, the shortest response ever is none of theirs; the shortest of late may
 * have waited in a queue. This part of it is for jobs of one length, which start and end together.
 */
const RECENT_PART = 0.05;

/** With more in flight for each slot shown, jobs are short, and their responses are mostly waiting. */
const QUEUE_PER_SLOT_MAX = 3;

/** Answers that are recent, beyond those to the jobs that were in flight before: one stall is not a trend. */
const RECENT_ANSWERS = 32;

/** Counts one endpoint's slots. */
export class SlotCount {
  #shown = 1;
  #answered = 0;
  #shortestMs = Infinity;
  #recentMs = Infinity;
  #beforeRecentMs = Infinity;
  #recentUntil = RECENT_ANSWERS;
  #burstStartMs = 0;
  #burstAnswers = 0;
  /** The ordinal of the youngest job that the burst has answered. */
  #burstYoungest = 0;

  /** Never fewer again: it is the same machine. */
  get shown(): number {
    return this.#shown;
  }

  /**
   * Job number `ordinal` is answered after `responseMs`, with `inFlight` out until then, at `busyMs` of the
   * time in which the endpoint had something to do.
   */
  onAnswer(ordinal: number, responseMs: number, inFlight: number, busyMs: number): void {
    this.#noteResponse(responseMs, inFlight);
    this.#noteBurst(ordinal, inFlight, busyMs);
    this.#answered += 1;
    if (responseMs < TELLING_RESPONSE_MS_MIN) return;
    const together = this.#recentMinMs < TELLING_RESPONSE_MS_MIN ? 1 : this.#burstAnswers;
    // There are more if jobs younger than that were answered before: this needs no list of them.
    const older = Math.max(0, this.#burstYoungest - this.#answered);
    this.#shown = Math.max(this.#shown, together + older);
  }

  get #recentMinMs(): number {
    return Math.min(this.#recentMs, this.#beforeRecentMs);
  }

  #noteResponse(responseMs: number, inFlight: number): void {
    if (this.#answered >= this.#recentUntil) {
      this.#recentUntil = this.#answered + inFlight + RECENT_ANSWERS;
      this.#beforeRecentMs = this.#recentMs;
      this.#recentMs = Infinity;
    }
    this.#recentMs = Math.min(this.#recentMs, responseMs);
    this.#shortestMs = Math.min(this.#shortestMs, responseMs);
  }

  #noteBurst(ordinal: number, inFlight: number, busyMs: number): void {
    const recentPart = inFlight <= QUEUE_PER_SLOT_MAX * this.#shown ? RECENT_PART : 0;
    const burstMs = Math.max(SHORTEST_PART * this.#shortestMs, recentPart * this.#recentMinMs);
    if (busyMs - this.#burstStartMs >= burstMs) {
      this.#burstStartMs = busyMs;
      this.#burstAnswers = 0;
      this.#burstYoungest = 0;
    }
    this.#burstAnswers += 1;
    this.#burstYoungest = Math.max(this.#burstYoungest, ordinal);
  }
}
