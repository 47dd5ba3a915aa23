/** How fast each worker has been lately, from the snapshots of the last seconds. */

import type { RunSnapshot } from "../watch/snapshot.ts";

/** The rates are over about so many snapshots, one per second. */
const SNAPSHOTS_MAX = 6;

interface Counted {
  readonly at: number;
  /** How many jobs each worker has answered, by its address. */
  readonly answered: ReadonlyMap<string, number>;
}

/** The counts of the last snapshots. */
export class TopRates {
  readonly #last: Counted[] = [];

  /** Another snapshot. Returns the jobs per second of each worker, by its address. */
  onSnapshot({ at, workers }: RunSnapshot): ReadonlyMap<string, number> {
    const answered = new Map(workers.map((worker) => [worker.address, worker.answered]));
    this.#last.push({ at, answered });
    if (this.#last.length > SNAPSHOTS_MAX) this.#last.shift();
    const [first] = this.#last;
    const seconds = first ? (at - first.at) / 1000 : 0;
    return new Map(workers.map(({ address, answered, jobsPerSecond }) => {
      const before = first?.answered.get(address);
      const isNew = before === undefined || before > answered || seconds <= 0;
      return [address, isNew ? jobsPerSecond : (answered - before) / seconds];
    }));
  }
}
