/** When a job is a straggler: from the times that recent jobs have taken. */

/** The median is taken over this many of the latest answers. */
const RECENT_ANSWERS = 512;

/** With fewer answers, the median says little of how long a job usually takes. */
const ANSWERS_MIN = 5;

/** A straggler takes longer than this many medians, and at least this long, because starting a copy costs time. */
const MEDIANS = 2;
const STRAGGLER_MS_MIN = 1_000;

/** As long as there are few answers, a straggler takes this many times as long as the longest of these jobs. */
const LONGEST = 10;
const FEW_ANSWERS_MS_MIN = 10_000;

/** The time after which a job is a straggler, from the times of recent answers. */
export class StragglerThreshold {
  readonly #recentMs = new Float64Array(RECENT_ANSWERS);
  #answers = 0;
  /** Of the answers so far; `undefined` if it has to be computed. */
  #limitMs: number | undefined = Infinity;

  /** A job was answered, `ms` milliseconds after it was sent. */
  onAnswer(ms: number): void {
    this.#recentMs[this.#answers++ % RECENT_ANSWERS] = ms;
    this.#limitMs = undefined;
  }

  /** A job that was sent longer ago than this is a straggler. `Infinity` before the first answer. */
  get limitMs(): number {
    return this.#limitMs ??= this.#compute();
  }

  #compute(): number {
    const sorted = this.#recentMs.slice(0, this.#answers).sort();
    if (this.#answers < ANSWERS_MIN) {
      return Math.max(FEW_ANSWERS_MS_MIN, LONGEST * (sorted.at(-1) as number));
    }
    const medianMs = sorted[sorted.length >> 1] as number;
    return Math.max(STRAGGLER_MS_MIN, MEDIANS * medianMs);
  }
}
