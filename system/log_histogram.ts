/** A histogram with bins of equal ratio: jobs take microseconds or days, and nobody knows before which. */

/** Bins for each factor of ten. A quantile is right within 2 %. */
const BINS_PER_DECADE = 64;

/** The bins of `bars` for each factor of ten: more than these say nothing to the eye. */
const BARS_PER_DECADE = 16;
const BINS_PER_BAR = BINS_PER_DECADE / BARS_PER_DECADE;

/** Powers of ten that are told apart, of the unit of the values: a microsecond in milliseconds, and a petabyte. */
const DECADE_MIN = -3;
const DECADE_MAX = 15;
const BINS = (DECADE_MAX - DECADE_MIN) * BINS_PER_DECADE;

/** How many values lie from `from` on and below `to`. */
export interface HistogramBar {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Counts values that are not negative. */
export class LogHistogram {
  readonly #bins = new Float64Array(BINS);
  count = 0;
  sum = 0;
  min = Infinity;
  max = 0;

  add(value: number): void {
    const bin = Math.floor((Math.log10(value) - DECADE_MIN) * BINS_PER_DECADE);
    (this.#bins[Math.min(BINS - 1, Math.max(0, bin))] as number) += 1; // 0 has no logarithm
    this.count += 1;
    this.sum += value;
    this.min = Math.min(this.min, value);
    this.max = Math.max(this.max, value);
  }

  /** The mean; 0 if there are no values. */
  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  /** The value below which this part of all values lies; 0 if there are none. */
  quantile(part: number): number {
    if (part >= 1) return this.max;
    const rank = part * this.count;
    let below = 0;
    for (let bin = 0; bin < BINS; bin++) {
      below += this.#bins[bin] as number;
      if (below > 0 && below >= rank) {
        return Math.min(this.max, Math.max(this.min, edgeOf(bin + 0.5)));
      }
    }
    return 0;
  }

  /** The edges of bars from one edge to another. */
  static edges(from: number, to: number): number[] {
    const edges: number[] = [];
    for (let bin = 0; bin <= BINS; bin += BINS_PER_BAR) {
      const edge = edgeOf(bin);
      if (edge >= from && edge <= to) edges.push(edge);
    }
    return edges;
  }

  /** From the first bar with a value to the last one, those between them without any, too. */
  bars(): HistogramBar[] {
    const bars: HistogramBar[] = [];
    for (let bin = 0; bin < BINS; bin += BINS_PER_BAR) {
      const count = this.#bins.subarray(bin, bin + BINS_PER_BAR).reduce((sum, one) => sum + one, 0);
      bars.push({ from: edgeOf(bin), to: edgeOf(bin + BINS_PER_BAR), count });
    }
    const first = bars.findIndex(({ count }) => count > 0);
    const last = bars.findLastIndex(({ count }) => count > 0);
    return first < 0 ? [] : bars.slice(first, last + 1);
  }
}

function edgeOf(bin: number): number {
  return 10 ** (bin / BINS_PER_DECADE + DECADE_MIN);
}
