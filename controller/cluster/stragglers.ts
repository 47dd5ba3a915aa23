/** Jobs that take much longer than others, near the end of a run, when slots have nothing else to do. */

/** Answers that the median is taken of. */
const RECENT_ANSWERS = 512;

/** Fewer say nothing of what is usual. */
const ANSWERS_MIN = 5;

/** Far beyond the median is this many times it, and not before so long: starting a copy costs, too. */
const MEDIANS = 2;
const AGE_MS_MIN = 1_000;

/** Learns how long jobs take. */
export class Stragglers {
  readonly #recentMs = new Float64Array(RECENT_ANSWERS);
  #answers = 0;

  /** A job was answered, so long after it was sent. */
  onAnswer(ms: number): void {
    this.#recentMs[this.#answers++ % RECENT_ANSWERS] = ms;
  }

  /** A job that has been out for longer than this is a straggler; `Infinity` as long as nobody can tell. */
  get limitMs(): number {
    if (this.#answers < ANSWERS_MIN) return Infinity;
    const sorted = this.#recentMs.slice(0, this.#answers).sort();
    const medianMs = sorted[sorted.length >> 1] as number;
    return Math.max(AGE_MS_MIN, MEDIANS * medianMs);
  }
}
