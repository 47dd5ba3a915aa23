/** Amounts over time in a bounded number of bins, while nobody knows yet how long a run takes. */

/** Enough for a wide screen: at the end, between half of them and all are used. */
export const BINS = 480;

const FIRST_BIN_MS = 1;

/** The width of the bins, which doubles whenever time goes beyond the last one. */
export class TimeGrid {
  #widthMs = FIRST_BIN_MS;

  get widthMs(): number {
    return this.#widthMs;
  }

  /** Makes place for this time. */
  fit(ms: number): void {
    while (ms >= BINS * this.#widthMs) this.#widthMs *= 2;
  }
}

/** One amount over time. Times must have been fitted into the grid. */
export class TimeBins {
  readonly #grid: TimeGrid;
  readonly #values: Float64Array;
  #widthMs: number;
  /**
   * Where an amount per millisecond begins and ends that fills whole bins: a long span costs no more than a short one.
   */
  #changes: Float64Array | undefined;

  constructor(grid: TimeGrid) {
    this.#grid = grid;
    this.#values = new Float64Array(BINS);
    this.#widthMs = grid.widthMs;
  }

  /** Adds an amount at one time. */
  add(ms: number, amount: number): void {
    this.#fold();
    (this.#values[this.#binOf(ms)] as number) += amount;
  }

  /** Adds `perMs` for each millisecond between two times. */
  addSpan(fromMs: number, toMs: number, perMs = 1): void {
    this.#fold();
    if (toMs <= fromMs) return;
    const values = this.#values;
    const [first, last] = [this.#binOf(fromMs), this.#binOf(toMs)];
    if (first === last) {
      (values[first] as number) += (toMs - fromMs) * perMs;
      return;
    }
    (values[first] as number) += ((first + 1) * this.#widthMs - fromMs) * perMs;
    (values[last] as number) += (toMs - last * this.#widthMs) * perMs;
    if (last - first < 2) return;
    const changes = this.#changes ??= new Float64Array(BINS);
    (changes[first + 1] as number) += perMs;
    (changes[last] as number) -= perMs;
  }

  /** The amounts of the bins. */
  get values(): Float64Array {
    this.#fold();
    this.#fill();
    return this.#values;
  }

  #binOf(ms: number): number {
    return Math.min(BINS - 1, Math.max(0, Math.floor(ms / this.#widthMs)));
  }

  /** Puts bins together until they are as wide as those of the grid. */
  #fold(): void {
    if (this.#widthMs < this.#grid.widthMs) this.#fill();
    for (; this.#widthMs < this.#grid.widthMs; this.#widthMs *= 2) {
      const values = this.#values;
      for (let bin = 0; bin < BINS; bin++) {
        values[bin] = 2 * bin < BINS
          ? (values[2 * bin] as number) + (values[2 * bin + 1] as number)
          : 0;
      }
    }
  }

  /** Adds what fills whole bins. */
  #fill(): void {
    const changes = this.#changes;
    if (!changes) return;
    let perMs = 0;
    for (let bin = 0; bin < BINS; bin++) {
      perMs += changes[bin] as number;
      (this.#values[bin] as number) += perMs * this.#widthMs;
    }
    this.#changes = undefined;
  }
}
