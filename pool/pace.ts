/**
 * How many jobs an endpoint should have in flight: enough that no slot waits for the network, and no more,
 * because a job in flight waits behind another one, and runs again if the endpoint is lost.
 */

import { SlotCount } from "./slot_count.ts";

/** Work to keep in flight per slot, beyond the round trip: about the time in which a busy process wakes up. */
const WORK_AHEAD_MS = 2;

/** A longer job goes to an idle slot only: fetching the next one costs less than 2 % of its time. */
const PREFETCHED_JOB_MS_MAX = 10;

/** How many jobs may have to run again when an endpoint is lost. */
export const WINDOW_JOBS_MAX = 16_384;

/** Answers are counted for at least this long before they make a rate. */
const ROUND_MS = 5;

/** Weight of a round that was faster. A slower one counts fully: too small a window costs less than too large. */
const SMOOTHING = 0.5;

/** Measures one endpoint. All times are in milliseconds and come from the caller. */
export class Pace {
  readonly #slotsKnown: number | undefined;
  readonly #slotCount = new SlotCount();
  #sent = 0;
  #answered = 0;
  /** All the time without jobs in flight. It says nothing about the endpoint's pace. */
  #idleMs = 0;
  #idleSinceMs = 0;
  #responseMinMs = Infinity;
  #answersPerMs = 0;
  #roundStartMs = 0;
  #roundAnswers = 0;

  constructor(slots: number | undefined) {
    this.#slotsKnown = slots;
  }

  get slotsAreKnown(): boolean {
    return this.#slotsKnown !== undefined;
  }

  /** How many slots it has, or has shown. */
  get slots(): number {
    return this.#slotsKnown ?? this.#slotCount.shown;
  }

  /** A job is sent. Returns its sequence number: 1 for the first that the endpoint ever got. */
  onSent(nowMs: number): number {
    if (this.#sent === this.#answered) this.#idleMs += nowMs - this.#idleSinceMs;
    this.#sent += 1;
    return this.#sent;
  }

  /** A job is answered, `responseMs` after it was sent. */
  onAnswer(sequence: number, responseMs: number, nowMs: number): void {
    const busyMs = nowMs - this.#idleMs;
    const inFlight = this.#sent - this.#answered;
    this.#responseMinMs = Math.min(this.#responseMinMs, responseMs);
    this.#noteRate(busyMs);
    if (!this.slotsAreKnown) this.#slotCount.onAnswer(sequence, responseMs, inFlight, busyMs);
    this.#answered += 1;
    if (inFlight === 1) this.#idleSinceMs = nowMs;
  }

  /**
   * A round begins with an answer and ends with one that begins the next. It is as long as a response,
   * because jobs that start together end together.
   */
  #noteRate(busyMs: number): void {
    const elapsedMs = busyMs - this.#roundStartMs;
    if (this.#roundAnswers === 0) {
      this.#roundStartMs = busyMs;
    } else if (elapsedMs >= Math.max(ROUND_MS, this.#responseMinMs)) {
      const change = this.#roundAnswers / elapsedMs - this.#answersPerMs;
      const isFirst = this.#answersPerMs === 0;
      this.#answersPerMs += change < 0 || isFirst ? change : SMOOTHING * change;
      this.#roundStartMs = busyMs;
      this.#roundAnswers = 0;
    }
    this.#roundAnswers += 1;
  }

  /** Jobs to have in flight, before the limits for bytes and for the end of a run apply. */
  window(isLocal: boolean): number {
    return Math.min(WINDOW_JOBS_MAX, isLocal ? this.#windowOfLocal() : this.#windowOfRemote());
  }

  /** One job runs in each slot, and short jobs wait behind it. */
  #windowOfLocal(): number {
    const { slots } = this;
    if (this.#answersPerMs === 0) return slots;
    const jobMs = slots / this.#answersPerMs;
    if (jobMs > PREFETCHED_JOB_MS_MAX) return slots;
    return slots * (1 + Math.max(1, Math.floor(WORK_AHEAD_MS / jobMs)));
  }

  /**
   * One job runs in each slot and one waits. Of short jobs, twice as many as the endpoint answers in a round
   * trip: the window doubles until the rate no longer does.
   */
  #windowOfRemote(): number {
    const { slots } = this;
    if (this.#answersPerMs === 0) return 2 * slots;
    const byRate = this.#answersPerMs * (WORK_AHEAD_MS + 2 * this.#responseMinMs);
    return Math.max(2 * slots, Math.floor(byRate));
  }
}
