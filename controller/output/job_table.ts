/** What a run needs to know of the jobs in its journal: a row of numbers for each, for millions of them. */

import { hash } from "node:crypto";
import { NameIndex } from "./name_index.ts";

/** Of an identity's digest; two states of one input do not have the same by chance. */
const IDENTITY_HEX_DIGITS = 13;

const FIRST_ROWS_MAX = 512;

/** What became of a job, by its last record. */
export const JobState = { done: 0, failed: 1, otherCore: 2 } as const;

/** A job's last record. */
export interface JobEntry {
  /** As `identityNumber` gives it. */
  readonly identity: number;
  readonly state: (typeof JobState)[keyof typeof JobState];
  /** See `JournalEpochs`. */
  readonly epoch: number;
  /** Where the record begins in the journal. */
  readonly at: number;
  readonly bytesOut: number;
  readonly crcOut: number;
}

const ROW_NUMBERS = 6;

/** Entries by the jobs' names. */
export class JobTable {
  readonly #names = new NameIndex();
  #rows = new Float64Array(ROW_NUMBERS * FIRST_ROWS_MAX);

  /** Keeps a job's entry, in the place of an earlier one. */
  set(name: string, { identity, state, epoch, at, bytesOut, crcOut }: JobEntry): void {
    const row = ROW_NUMBERS * this.#names.add(name);
    if (row === this.#rows.length) this.#grow();
    const rows = this.#rows;
    rows[row] = identity;
    rows[row + 1] = state;
    rows[row + 2] = epoch;
    rows[row + 3] = at;
    rows[row + 4] = bytesOut;
    rows[row + 5] = crcOut;
  }

  get(name: string): JobEntry | undefined {
    const number = this.#names.find(name);
    return number === undefined ? undefined : this.#entryAt(number);
  }

  *entries(): Iterable<JobEntry> {
    for (let number = 0; number < this.#names.size; number++) yield this.#entryAt(number);
  }

  #entryAt(number: number): JobEntry {
    const row = ROW_NUMBERS * number;
    const [identity, state, epoch, at, bytesOut, crcOut] = this.#rows.subarray(
      row,
      row + ROW_NUMBERS,
    ) as unknown as [number, JobEntry["state"], number, number, number, number];
    return { identity, state, epoch, at, bytesOut, crcOut };
  }

  #grow(): void {
    const rows = new Float64Array(2 * this.#rows.length);
    rows.set(this.#rows);
    this.#rows = rows;
  }
}

/** An identity as a number of 52 bits. */
export function identityNumber(identity: string): number {
  return parseInt(hash("sha256", identity, "hex").slice(0, IDENTITY_HEX_DIGITS), 16);
}
