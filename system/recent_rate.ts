/** How fast something is now: over the last seconds, or over the last events where they are seldom. */

/** The rate follows changes within this time. */
const WINDOW_MS = 10_000;

/** With fewer events in that time, the window is longer: otherwise long jobs would seem to stand still or to fly. */
const EVENTS_MIN = 20;

/** How often the count is noted. */
const SAMPLE_MS = 1_000;

/** How many counts are kept: those of the window, and some of the time before it. */
const SAMPLES_MAX = 24;

/** The rate of one counter, which only grows. */
export class RecentRate {
  /** The counts that were noted, and when, the oldest first. Two arrays of numbers take little room. */
  #counts: number[];
  #timesMs: number[];

  /** The counter begins at 0 at this time. */
  constructor(nowMs: number) {
    this.#counts = [0];
    this.#timesMs = [nowMs];
  }

  /** The count at this time. Call it about once a second. */
  onCount(count: number, nowMs: number): void {
    if (nowMs - (this.#timesMs.at(-1) ?? 0) < SAMPLE_MS) return;
    const isStill = this.#counts.at(-1) === count && this.#counts.at(-2) === count;
    if (isStill) this.#timesMs.pop(); // its begin and its end are enough
    else this.#counts.push(count);
    this.#timesMs.push(nowMs);
    if (this.#counts.length > SAMPLES_MAX) this.#thinOut(nowMs);
  }

  /** Events per second up to now. */
  perSecond(count: number, nowMs: number): number {
    const isFar = (index: number) =>
      nowMs - this.#timeAt(index) >= WINDOW_MS && count - this.#countAt(index) >= EVENTS_MIN;
    let first = this.#counts.length - 1;
    while (first > 0 && !isFar(first)) first -= 1;
    const spanMs = nowMs - this.#timeAt(first);
    return spanMs <= 0 ? 0 : 1000 * (count - this.#countAt(first)) / spanMs;
  }

  /** Of what lies before the window, every second count is enough. The oldest one stays. */
  #thinOut(nowMs: number): void {
    const kept = this.#timesMs.map((_, index) =>
      index % 2 === 0 || nowMs - this.#timeAt(index + 1) < WINDOW_MS
    );
    this.#counts = this.#counts.filter((_, index) => kept[index]);
    this.#timesMs = this.#timesMs.filter((_, index) => kept[index]);
  }

  #countAt(index: number): number {
    return this.#counts[index] ?? 0;
  }

  #timeAt(index: number): number {
    return this.#timesMs[index] ?? 0;
  }
}
