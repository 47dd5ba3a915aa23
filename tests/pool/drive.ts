/** One endpoint with an endless supply of jobs, kept as full as its pace allows. */

import { Pace } from "../../pool/pace.ts";
import { Timeline } from "../simulation/timeline.ts";

interface DriveOptions {
  readonly slots?: number;
  /** Whether the pace is given the number of slots. */
  readonly isKnown?: boolean;
  readonly isLocal?: boolean;
  readonly roundTripMs?: number;
  /** The owner of the pace runs only so often, and then sees all answers that have come. By default it always runs. */
  readonly wakesEveryMs?: () => number;
  readonly durationMs: (sequence: number) => number;
}

/** Its slots take the jobs in the order in which they arrive. */
export class Drive {
  readonly pace: Pace;
  readonly #timeline = new Timeline();
  readonly #isLocal: boolean;
  readonly #roundTripMs: number;
  /** When each slot has finished its jobs. */
  readonly #freeAtMs: number[];
  readonly #durationMs: (sequence: number) => number;
  readonly #wakesEveryMs: () => number;
  #wakesAtMs = 0;
  #isFillDue = false;
  #inFlight = 0;
  #isResting = false;
  inFlightMax = 0;
  answered = 0;

  constructor(options: DriveOptions) {
    const { slots = 1, isKnown = true, isLocal = false, roundTripMs = 0.2, durationMs } = options;
    this.pace = new Pace(isKnown ? slots : undefined);
    this.#isLocal = isLocal;
    this.#roundTripMs = roundTripMs;
    this.#freeAtMs = new Array(slots).fill(0);
    this.#durationMs = durationMs;
    this.#wakesEveryMs = options.wakesEveryMs ?? (() => 0);
  }

  get window(): number {
    return this.pace.window(this.#isLocal);
  }

  get nowMs(): number {
    return this.#timeline.nowMs;
  }

  /** Runs until that many more jobs are answered; returns the window. */
  answer(count: number): number {
    this.#fill();
    const until = this.answered + count;
    while (this.answered < until) this.#timeline.happen();
    return this.window;
  }

  /** Answers the jobs in flight, and then has no jobs for a while. */
  rest(forMs: number): void {
    this.#isResting = true;
    while (this.#timeline.happen());
    this.#isResting = false;
    this.#timeline.after(forMs, () => {});
    this.#timeline.happen();
  }

  #fill(): void {
    while (this.#inFlight < this.window) this.#send();
    this.inFlightMax = Math.max(this.inFlightMax, this.#inFlight);
    this.pace.onFilled(this.#isLocal);
  }

  /** All answers of one time are handled before windows are filled. */
  #fillSoon(): void {
    if (this.#isFillDue || this.#isResting) return;
    this.#isFillDue = true;
    this.#timeline.after(0, () => {
      this.#isFillDue = false;
      if (!this.#isResting) this.#fill();
    });
  }

  /** When the owner sees what happens at `atMs`. */
  #seenAtMs(atMs: number): number {
    if (this.#wakesAtMs < this.nowMs) this.#wakesAtMs = this.nowMs;
    const everyMs = this.#wakesEveryMs();
    if (everyMs === 0) return atMs;
    while (this.#wakesAtMs < atMs) this.#wakesAtMs += everyMs;
    return this.#wakesAtMs;
  }

  #send(): void {
    const sentAtMs = this.nowMs;
    const sequence = this.pace.onSent(sentAtMs);
    const slot = this.#freeAtMs.indexOf(Math.min(...this.#freeAtMs));
    const startMs = Math.max(this.#freeAtMs[slot] as number, sentAtMs + this.#roundTripMs / 2);
    const endMs = startMs + this.#durationMs(sequence);
    this.#freeAtMs[slot] = endMs;
    this.#inFlight += 1;
    this.#timeline.after(this.#seenAtMs(endMs + this.#roundTripMs / 2) - sentAtMs, () => {
      this.#inFlight -= 1;
      this.answered += 1;
      this.pace.onAnswer(sequence, this.nowMs - sentAtMs, this.nowMs);
      this.#fillSoon();
    });
  }
}
