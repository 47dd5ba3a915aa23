/**
 * How many jobs an endpoint should have in flight: enough that no slot waits for the network, but no more. A job
 * in flight may wait behind a slow one while another endpoint is idle, and runs again if its endpoint is lost.
 */

import { SlotCount } from "./slot_count.ts";

/** Work to keep in flight per slot, beyond the round trip: about the time that a busy process takes to wake up. */
const WORK_AHEAD_MS = 2;

/** With at least so many jobs per slot, a window is deep: it is filled up only when half of it is free. */
export const DEEP_WINDOW = 16;

/**
 * Longer jobs are not prefetched: fetching the next one only when the slot is idle costs about half a millisecond,
 * and a job that was prefetched may have to wait for one that takes far longer than the others.
 */
const PREFETCHED_JOB_MS_MAX = 20;

/** The same for a worker that is near: it fetches the next job within a millisecond. */
const NEAR_JOB_MS_MAX = 10;

/**
 * So many slots are believed of an endpoint that has answered nothing: about as many CPUs as the largest machines
 * have. Beyond that, the number that it claims is believed as far as its answers show.
 */
const SLOTS_BELIEVED = 1_024;

/** With so many times as many answers, so that the slots that are believed double with each round of answers. */
const SLOTS_PER_ANSWER = 2;

/** The largest window. It bounds how many jobs run again when an endpoint is lost. */
export const WINDOW_JOBS_MAX = 16_384;

/** The shortest round. A rate needs answers over at least this time. */
const ROUND_MS = 5;

/** The weight of a faster round. A slower one counts fully: too small a window costs less than too large a one. */
const SMOOTHING = 0.5;

/** Measures the pace of one endpoint. All times are in milliseconds and come from the caller. */
export class Pace {
  readonly #slotsKnown: number | undefined;
  readonly #isNear: boolean;
  readonly #slotCount = new SlotCount();
  #sent = 0;
  #answered = 0;
  /** The total time without jobs in flight, which is left out of the measured rate. */
  #idleMs = 0;
  #idleSinceMs = 0;
  #responseMinMs = Infinity;
  #answersPerMs = 0;
  #roundStartMs = 0;
  #roundAnswers = 0;

  constructor(slots: number | undefined, isNear = false) {
    this.#slotsKnown = slots;
    this.#isNear = isNear;
  }

  get slotsAreKnown(): boolean {
    return this.#slotsKnown !== undefined;
  }

  /** How many slots the endpoint has: as reported, as far as that is believed, or as estimated so far. */
  get slots(): number {
    if (this.#slotsKnown === undefined) return this.#slotCount.shown;
    if (this.#slotsKnown <= SLOTS_BELIEVED) return this.#slotsKnown;
    const shown = Math.max(SLOTS_BELIEVED, SLOTS_PER_ANSWER * this.#answered);
    return Math.min(this.#slotsKnown, shown);
  }

  /** A job is sent. Returns its sequence number: 1 for the endpoint's first job. */
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
   * A round begins with an answer and ends with a later one, which begins the next round. It is at least as long
   * as the shortest response, because jobs that start together end together.
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

  /** How many jobs to have in flight, before the limits on bytes and for the end of a run apply. */
  window(isLocal: boolean): number {
    return Math.min(WINDOW_JOBS_MAX, isLocal ? this.#windowOfLocal() : this.#windowOfRemote());
  }

  /** How long a job takes, with what lies between two jobs; `Infinity` before that is known. */
  get #jobMs(): number {
    return this.slots / this.#answersPerMs;
  }

  /** One job runs in each slot, and short jobs wait behind it. */
  #windowOfLocal(): number {
    const { slots } = this;
    const jobMs = this.#jobMs;
    if (jobMs > PREFETCHED_JOB_MS_MAX) return slots;
    const ahead = Math.max(1, Math.floor(WORK_AHEAD_MS / jobMs));
    // A deep window has to last from when half of it is left.
    return slots * (1 + (ahead < DEEP_WINDOW ? ahead : 2 * ahead));
  }

  /**
   * Two jobs per slot: one runs and one waits. For short jobs, twice as many as the endpoint answers in a round
   * trip, so that the window doubles as long as the rate does.
   */
  #windowOfRemote(): number {
    const { slots } = this;
    if (this.#isNear && this.#jobMs > NEAR_JOB_MS_MAX) return slots;
    if (this.#answersPerMs === 0) return 2 * slots;
    const byRate = this.#answersPerMs * (WORK_AHEAD_MS + 2 * this.#responseMinMs);
    return Math.max(2 * slots, Math.floor(byRate));
  }
}
