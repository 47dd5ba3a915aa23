/**
 * How many jobs an endpoint should have in flight: enough that no slot waits for the network, but no more. A job
 * in flight may wait behind a slow one while another endpoint is idle, and runs again if its endpoint is lost.
 */

import { AnswerRate, type Round } from "./answer_rate.ts";
import { SlotCount } from "./slot_count.ts";

/** Work to keep in flight per slot, beyond the round trip: about the time that a busy process takes to wake up. */
const WORK_AHEAD_MS = 2;

/**
 * The most of it, on a machine where processes wait for a CPU: it doubles with each round in which the endpoint was
 * starved. Otherwise few jobs in flight would cause a low rate, and a low rate few jobs in flight. The system gives
 * each process some milliseconds in turn, and this is enough for several others.
 */
const WORK_AHEAD_MS_MAX = 32;

/** The part of it that remains after each further round, down to `WORK_AHEAD_MS`: half after a fifth of a second. */
const WORK_AHEAD_KEPT = 0.98;

/** An endpoint that has answered a job within this time is near: no bytes are needed in flight to hide its distance. */
const NEAR_MS = 2;

/** With at least this many jobs per slot, a window is deep: it is filled up only when half of it is free. */
export const DEEP_WINDOW = 16;

/**
 * Longer jobs are not prefetched: fetching the next one only when the slot is idle costs about half a millisecond,
 * and a job that was prefetched may have to wait for one that takes far longer than the others.
 */
const PREFETCHED_JOB_MS_MAX = 20;

/** The same if a round trip costs next to nothing: the next job is there within a millisecond. */
const LOW_LATENCY_JOB_MS_MAX = 10;

/**
 * How many slots an endpoint is believed to have before it has answered anything: about as many as the largest machines
 * have CPUs. Beyond that, the number that it claims is believed as far as its answers show it.
 */
export const SLOTS_BELIEVED = 1_024;

/** How many slots each answer makes believable: so they double with each round of answers. */
const SLOTS_PER_ANSWER = 2;

/** The largest window. It bounds how many jobs run again when an endpoint is lost. */
export const WINDOW_JOBS_MAX = 16_384;

/** Measures the pace of one endpoint. All times are in milliseconds and come from the caller. */
export class Pace {
  readonly #slotsKnown: number | undefined;
  #hasLowLatency = false;
  readonly #slotCount = new SlotCount();
  #sent = 0;
  #answered = 0;
  /** The total time without jobs in flight, which is left out of the measured rate. */
  #idleMs = 0;
  #idleSinceMs = 0;
  #responseMinMs = Infinity;
  readonly #rate = new AnswerRate();
  #workAheadMs = WORK_AHEAD_MS;
  /** Its window was filled: if it answers all these jobs before it gets more, the window is too small. */
  #isFull = false;

  constructor(slots: number | undefined) {
    this.#slotsKnown = slots;
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

  /** It has answered a job at once, as workers on this machine and in the same network do. */
  get isNear(): boolean {
    return this.#responseMinMs <= NEAR_MS;
  }

  /** A round trip costs next to nothing. */
  onLowLatency(): void {
    this.#hasLowLatency = true;
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
    this.#noteRound(this.#rate.onAnswer(busyMs, this.#responseMinMs));
    if (!this.slotsAreKnown) this.#slotCount.onAnswer(sequence, responseMs, inFlight, busyMs);
    this.#answered += 1;
    if (inFlight === 1) this.#idleSinceMs = nowMs;
    if (inFlight - 1 < this.slots) {
      this.#rate.onIdle(this.#isFull);
      this.#isFull = false;
    }
  }

  /** It has got as many jobs as there were and as its limits allow. */
  onFilled(isLocal: boolean): void {
    this.#isFull = this.#sent - this.#answered >= this.window(isLocal);
  }

  #noteRound(round: Round | undefined): void {
    if (round === "measured") {
      this.#workAheadMs = Math.max(WORK_AHEAD_MS, WORK_AHEAD_KEPT * this.#workAheadMs);
    } else if (round === "starved") {
      this.#workAheadMs = Math.min(WORK_AHEAD_MS_MAX, 2 * this.#workAheadMs);
    }
  }

  /** How many jobs to have in flight, before the limits on bytes and for the end of a run apply. */
  window(isLocal: boolean): number {
    return Math.min(WINDOW_JOBS_MAX, isLocal ? this.#windowOfLocal() : this.#windowOfRemote());
  }

  /** How long a job takes, with what lies between two jobs; `Infinity` before that is known. */
  get #jobMs(): number {
    return this.slots / this.#rate.perMs;
  }

  /** One job runs in each slot, and short jobs wait behind it. */
  #windowOfLocal(): number {
    const { slots } = this;
    const jobMs = this.#jobMs;
    if (jobMs > PREFETCHED_JOB_MS_MAX) return slots;
    const ahead = Math.max(1, Math.floor(this.#workAheadMs / jobMs));
    // A deep window has to last from when half of it is left.
    return slots * (1 + (ahead < DEEP_WINDOW ? ahead : 2 * ahead));
  }

  /**
   * Two jobs per slot: one runs and one waits. For short jobs, twice as many as the endpoint answers in a round
   * trip, so that the window doubles as long as the rate does.
   */
  #windowOfRemote(): number {
    const { slots } = this;
    const { perMs } = this.#rate;
    if (this.#hasLowLatency && this.#jobMs > LOW_LATENCY_JOB_MS_MAX) return slots;
    if (perMs === 0) return 2 * slots;
    const byRate = perMs * (this.#workAheadMs + 2 * this.#responseMinMs);
    return Math.max(2 * slots, Math.floor(byRate));
  }
}
