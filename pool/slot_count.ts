/**
 * Estimates from its answers how many slots a worker of protocol version 1 has, which does not report it.
 *
 * Jobs start in the order in which they were sent. If two answers are less than one shortest job apart, both
 * jobs were running at the same time, and so were all older jobs that are still in flight. The window is twice
 * the estimate, so that the estimate can double until it is right.
 *
 * Little's law (the rate of answers times the shortest response) does not work here: with jobs of very different
 * length it finds one slot of eight, and the last jobs of a run wait while slots are idle.
 */

/**
 * Shorter responses prove nothing: a worker may queue 2 ms of work at each slot, as ours does, so that jobs
 * start out of order, and may send several answers together.
 */
const RESPONSE_MS_MIN = 4;

/** Answers within this part of the shortest response so far are one burst. Half allows for even shorter jobs. */
const SHORTEST_PART = 0.5;

/**
 * The same for the shortest recent response, if jobs have become longer. The part is small because that response may
 * include time in a queue, but enough for jobs of one length, which start and end together.
 */
const RECENT_PART = 0.05;

/** With more jobs in flight per slot than this, jobs are short, and responses consist mostly of waiting. */
const QUEUE_PER_SLOT_MAX = 3;

/** How many answers are recent, besides those to the jobs in flight at the start: a single stall is not a trend. */
const RECENT_ANSWERS = 32;

/** Estimates one endpoint's slots. */
export class SlotCount {
  #shown = 1;
  #answered = 0;
  #shortestMs = Infinity;
  #recentMs = Infinity;
  #beforeRecentMs = Infinity;
  #recentUntil = RECENT_ANSWERS;
  #burstStartMs = 0;
  #burstAnswers = 0;
  /** The sequence number of the youngest job that the burst has answered. */
  #burstYoungest = 0;

  /** The estimate. It never falls, because the machine stays the same. */
  get shown(): number {
    return this.#shown;
  }

  /**
   * The job with this sequence number is answered after `responseMs`, when `inFlight` jobs were in flight.
   * `busyMs`: how long the endpoint has had jobs in flight so far.
   */
  onAnswer(sequence: number, responseMs: number, inFlight: number, busyMs: number): void {
    this.#noteResponse(responseMs, inFlight);
    this.#noteBurst(sequence, inFlight, busyMs);
    this.#answered += 1;
    if (responseMs < RESPONSE_MS_MIN) return;
    const together = this.#recentMinMs < RESPONSE_MS_MIN ? 1 : this.#burstAnswers;
    // Too low if younger jobs were answered earlier, but an exact count would need a list of them.
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

  #noteBurst(sequence: number, inFlight: number, busyMs: number): void {
    const recentPart = inFlight <= QUEUE_PER_SLOT_MAX * this.#shown ? RECENT_PART : 0;
    const burstMs = Math.max(SHORTEST_PART * this.#shortestMs, recentPart * this.#recentMinMs);
    if (busyMs - this.#burstStartMs >= burstMs) {
      this.#burstStartMs = busyMs;
      this.#burstAnswers = 0;
      this.#burstYoungest = 0;
    }
    this.#burstAnswers += 1;
    this.#burstYoungest = Math.max(this.#burstYoungest, sequence);
  }
}
