/**
 * How many jobs an endpoint should have in flight: flow control is the scheduler.
 *
 * Enough that a slot never waits for the wire, no more than that, because a job in flight is a job that
 * waits behind another one, and one that runs again if the endpoint is lost.
 */

/** Measured work to keep in flight per slot, beyond the round trip: one wake-up of a busy process. */
const WORK_AHEAD_MS = 2;

/** A job longer than this is sent to an idle slot only: fetching the next costs it under 2 %. */
const PREFETCHED_JOB_MS_MAX = 10;

/** To a worker that has not shown its pace: one job that runs and one behind it. */
const FIRST_WINDOW = 2;

/** What may have to run again when an endpoint is lost. */
export const WINDOW_JOBS_MAX = 16_384;

/** How long answers are counted before they make a rate. */
const ROUND_MS = 5;

/** Weight of the newest round. */
const SMOOTHING = 0.3;

/** The shortest response is forgotten at this rate a round, so that a change of work shows. */
const RESPONSE_DECAY = 1.05;

/** Shorter responses say nothing of the order in which jobs ran: their answers travel together. */
const ORDERED_RESPONSE_MS_MIN = 1;

/** Measures one endpoint. All times are in milliseconds and come from the caller. */
export class Pace {
  /** Slots that the endpoint has, if it is known to us. */
  readonly #slotsKnown: number | undefined;
  /** Slots that the order of its answers has proven. */
  #slotsProven = 1;
  #answersPerMs = 0;
  #responseMinMs = Infinity;
  #roundStartMs = 0;
  #roundAnswers = 0;

  constructor(slots: number | undefined) {
    this.#slotsKnown = slots;
  }

  get slotsAreKnown(): boolean {
    return this.#slotsKnown !== undefined;
  }

  /** The slots it has, or as many as it has shown. */
  get slots(): number {
    if (this.#slotsKnown !== undefined) return this.#slotsKnown;
    const byPace = this.#responseMinMs >= ORDERED_RESPONSE_MS_MIN && this.#answersPerMs > 0
      ? Math.round(this.#answersPerMs * this.#responseMinMs)
      : 1;
    return Math.max(this.#slotsProven, byPace);
  }

  /** A job goes out to an endpoint that had none: what it did before is no measure of its pace. */
  onBusy(nowMs: number): void {
    this.#roundStartMs = nowMs;
    this.#roundAnswers = 0;
  }

  /**
   * An answer has come. `older` jobs, sent before it, are still out. Jobs start in the order they come,
   * so all of them are running: the endpoint has at least one slot more than that.
   */
  onAnswer(responseMs: number, older: number, isIdle: boolean, nowMs: number): void {
    this.#roundAnswers += 1;
    this.#responseMinMs = Math.min(this.#responseMinMs, responseMs);
    if (responseMs >= ORDERED_RESPONSE_MS_MIN) {
      this.#slotsProven = Math.max(this.#slotsProven, older + 1);
    }
    const elapsedMs = nowMs - this.#roundStartMs;
    if (elapsedMs >= ROUND_MS || (isIdle && elapsedMs > 0)) this.#endRound(elapsedMs, nowMs);
  }

  #endRound(elapsedMs: number, nowMs: number): void {
    const rate = this.#roundAnswers / elapsedMs;
    const weight = this.#answersPerMs === 0 ? 1 : SMOOTHING;
    this.#answersPerMs += weight * (rate - this.#answersPerMs);
    this.#responseMinMs *= RESPONSE_DECAY;
    this.onBusy(nowMs);
  }

  /** Jobs to have in flight, before limits in bytes and the end of a run have their say. */
  window(isLocal: boolean): number {
    const wanted = this.#slotsKnown === undefined
      ? this.#windowOfUnknown()
      : this.#windowOfKnown(this.#slotsKnown, isLocal);
    return Math.min(WINDOW_JOBS_MAX, wanted);
  }

  /** Twice what it was seen to work on at once: one runs, one waits in its queue. */
  #windowOfUnknown(): number {
    if (this.#answersPerMs === 0) return FIRST_WINDOW;
    const byPace = this.#answersPerMs * (WORK_AHEAD_MS + 2 * this.#responseMinMs);
    return Math.max(FIRST_WINDOW, 2 * this.#slotsProven, Math.ceil(byPace));
  }

  #windowOfKnown(slots: number, isLocal: boolean): number {
    const aheadMin = isLocal ? 0 : 1;
    if (this.#answersPerMs === 0) return slots * (1 + aheadMin);
    const jobMs = slots / this.#answersPerMs;
    const roundTripMs = isLocal ? 0 : Math.max(0, this.#responseMinMs - jobMs);
    const prefetch = jobMs <= PREFETCHED_JOB_MS_MAX ? 1 : aheadMin;
    const ahead = Math.max(prefetch, Math.floor((WORK_AHEAD_MS + roundTripMs) / jobMs));
    return slots * (1 + ahead);
  }
}
