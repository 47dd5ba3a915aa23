/** How many jobs an endpoint answers in a millisecond, measured over rounds of answers. */

/** The shortest round. A rate needs answers over at least this time. */
const ROUND_MS = 5;

/** The weight of a round that was faster than the rate. */
const SMOOTHING = 0.5;

/**
 * A round that was slower than the rate halves the difference if it took this long. A stall of some milliseconds is no
 * trend, but a single job that takes long is one.
 */
const SLOWER_HALF_MS = 20;

/**
 * The same if the endpoint was idle within the round: it may only have had too few jobs. But jobs that come one by one
 * may have become longer, too.
 */
const IDLE_HALF_MS = 100;

/** A round this many times as fast as the rate shows that the endpoint has been given more jobs than before. */
const FASTER_FACTOR = 1.25;

/**
 * What a round has shown. `measured`: the rate. `starved`: the endpoint had answered all its jobs before it got more,
 * so that it may be faster than it seems, and yet it was not faster than before.
 */
export type Round = "measured" | "starved";

/**
 * Measures a rate. A round ends with answers that come together. In a round of short jobs these count: an endpoint that
 * the system has not run for ten milliseconds answers all at once then, and without these answers the round would look
 * slow. In a round of long jobs those at its start count instead: jobs that start together would count twice.
 */
export class AnswerRate {
  #perMs = 0;
  #startMs: number | undefined;
  #lastMs = -Infinity;
  /** Answers since the start of the round, those at the start itself, and those that came last, together. */
  #answers = 0;
  #answersAtStart = 0;
  #lastAnswers = 0;
  #roundMs = ROUND_MS;
  #wasIdle = false;
  #isStarved = false;

  /** The rate; 0 until the first round has ended. */
  get perMs(): number {
    return this.#isOver ? this.#perMsAfterRound : this.#perMs;
  }

  /**
   * A job is answered. `busyMs`: how long the endpoint has had jobs in flight so far. A round is at least as long as
   * the shortest response, because jobs that start together end together. Returns what the last round has shown, if
   * this answer is the first one after it.
   */
  onAnswer(busyMs: number, responseMinMs: number): Round | undefined {
    const round = busyMs > this.#lastMs && this.#isOver ? this.#endRound() : undefined;
    this.#roundMs = Math.max(ROUND_MS, responseMinMs);
    this.#startMs ??= busyMs;
    this.#lastAnswers = busyMs > this.#lastMs ? 1 : this.#lastAnswers + 1;
    this.#lastMs = busyMs;
    if (busyMs > this.#startMs) this.#answers += 1;
    else this.#answersAtStart = this.#lastAnswers;
    return round;
  }

  /** The endpoint has an idle slot. `isStarved`: it had as many jobs before that as it may have. */
  onIdle(isStarved: boolean): void {
    this.#wasIdle = true;
    if (isStarved) this.#isStarved = true;
  }

  #endRound(): Round {
    const isFaster = this.#measuredPerMs > FASTER_FACTOR * this.#perMs;
    const round = this.#isStarved && !isFaster ? "starved" : "measured";
    this.#perMs = this.#perMsAfterRound;
    this.#startMs = this.#lastMs;
    this.#answersAtStart = this.#lastAnswers;
    this.#answers = 0;
    this.#wasIdle = this.#isStarved = false;
    return round;
  }

  get #elapsedMs(): number {
    return this.#startMs === undefined ? 0 : this.#lastMs - this.#startMs;
  }

  /** The last answer ends the round, unless others come at the same time. */
  get #isOver(): boolean {
    return this.#elapsedMs >= this.#roundMs;
  }

  get #measuredPerMs(): number {
    const isLong = this.#roundMs > ROUND_MS;
    const answers = isLong ? this.#answersAtStart - this.#lastAnswers : 0;
    return (this.#answers + answers) / this.#elapsedMs;
  }

  get #perMsAfterRound(): number {
    const change = this.#measuredPerMs - this.#perMs;
    if (this.#perMs === 0) return change;
    if (change >= 0) return this.#perMs + SMOOTHING * change;
    if (this.#isStarved) return this.#perMs;
    const halfMs = this.#wasIdle ? IDLE_HALF_MS : SLOWER_HALF_MS;
    return this.#perMs + (1 - 0.5 ** (this.#elapsedMs / halfMs)) * change;
  }
}
