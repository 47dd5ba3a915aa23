/** When each slot was busy. */

import { TimeBins, type TimeGrid } from "./time_bins.ts";

/** Slots beyond these are only counted. Their bins take 4 kB each. */
const ROWS_MAX = 16_384;

/** A failed job that took no time is seen all the same. */
const SHOWN_MS_MIN = 0.001;

/** A slot of a worker. */
export interface SlotRow {
  readonly node: string;
  readonly slot: number;
  readonly number: number;
  readonly busy: TimeBins;
  /** The part of it that was spent on jobs that failed, once there is one. */
  failedBusy: TimeBins | undefined;
  jobs: number;
  failed: number;
  busyMs: number;
}

/** The slots of all runs. */
export class SlotRows {
  readonly #grid: TimeGrid;
  readonly #rows = new Map<string, Map<number, SlotRow>>();
  #count = 0;
  /** Jobs of slots for which there was no place. */
  jobsLeftOut = 0;

  constructor(grid: TimeGrid) {
    this.#grid = grid;
  }

  get count(): number {
    return this.#count;
  }

  /** A job has run on a slot, between two times of the report. Returns the slot's row. */
  onJob(
    node: string,
    slot: number,
    span: { readonly from: number; readonly to: number },
    isDone: boolean,
  ): SlotRow | undefined {
    const row = this.#rowOf(node, slot);
    if (!row) {
      this.jobsLeftOut += 1;
      return undefined;
    }
    row.jobs += 1;
    row.busyMs += span.to - span.from;
    row.busy.addSpan(span.from, span.to);
    if (!isDone) {
      row.failed += 1;
      row.failedBusy ??= new TimeBins(this.#grid);
      row.failedBusy.addSpan(span.from, Math.max(span.to, span.from + SHOWN_MS_MIN));
    }
    return row;
  }

  /** The rows by node and slot. */
  sorted(): SlotRow[] {
    const collator = new Intl.Collator("en", { numeric: true });
    return [...this.#rows]
      .sort(([one], [other]) => collator.compare(one, other))
      .flatMap(([, slots]) => [...slots.values()].sort((one, other) => one.slot - other.slot));
  }

  #rowOf(node: string, slot: number): SlotRow | undefined {
    const slots = this.#rows.get(node) ?? new Map<number, SlotRow>();
    const known = slots.get(slot);
    if (known || this.#count >= ROWS_MAX) return known;
    const row = {
      node,
      slot,
      number: this.#count++,
      busy: new TimeBins(this.#grid),
      failedBusy: undefined,
      jobs: 0,
      failed: 0,
      busyMs: 0,
    };
    this.#rows.set(node, slots.set(slot, row));
    return row;
  }
}
