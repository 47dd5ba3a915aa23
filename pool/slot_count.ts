/**
 * How many slots an endpoint of protocol version 1 has, which cannot say so: as many as its answers show.
 *
 * Jobs start in the order in which they were sent. So jobs whose answers come closer together than the
 * shortest job is long were running at once, and with them all older jobs that are still in flight. A
 * window of twice the slots shown lets the number double until it is right.
 *
 * Why not simply the rate of answers times the shortest response (Little's law)? With jobs of very
 * different length that finds one slot of eight, and a run's last jobs wait while slots are idle.
 */

/**
 * Shorter responses show nothing: a worker may keep 2 ms of work waiting at each slot, as ours does, so that
 * jobs start out of order, and may send several answers together.
 */
const RESPONSE_MS_MIN = 4;

/** The shortest response ever is no shorter than its job. Half of it allows for jobs that are shorter still. */
const SHORTEST_PART = 0.5;

/**
 * When jobs have become longer, the shortest response ever is too short, and the shortest recent one may
 * include waiting in a queue. This part of it is enough for jobs of one length, which start and end together.
 */
const RECENT_PART = 0.05;

/** With more jobs in flight for each slot shown, jobs are short, and their responses are mostly waiting. */
const QUEUE_PER_SLOT_MAX = 3;

/** How many answers are recent, beyond those to the jobs that were in flight before: one stall is no trend. */
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
  /** The sequence number of the youngest job that the burst has answered. */
  #burstYoungest = 0;

  /** Never falls: it is the same machine. */
  get shown(): number {
    return this.#shown;
  }

  /**
   * The job with this sequence number is answered after `responseMs`, when `inFlight` jobs were in flight.
   * `busyMs`: how long the endpoint has had something to do so far.
   */
  onAnswer(sequence: number, responseMs: number, inFlight: number, busyMs: number): void {
    this.#noteResponse(responseMs, inFlight);
    this.#noteBurst(sequence, inFlight, busyMs);
    this.#answered += 1;
    if (responseMs < RESPONSE_MS_MIN) return;
    const together = this.#recentMinMs < RESPONSE_MS_MIN ? 1 : this.#burstAnswers;
    // Fewer than the truth if younger jobs were answered before, but this needs no list of them.
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
