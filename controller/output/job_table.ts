/**
 * What a run needs to know of the jobs in its journal. Each is a row of numbers: a million jobs take 100 MB,
 * where objects in a `Map` take 150 to 300.
 */

import { hash } from "node:crypto";
import { NameIndex } from "./name_index.ts";

/** Hex digits of an identity's digest that are kept: all that fit a number exactly. */
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

/** Numbers of an entry. */
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
    const rows = this.#rows;
    const row = ROW_NUMBERS * number;
    return {
      identity: rows[row] as number,
      state: rows[row + 1] as JobEntry["state"],
      epoch: rows[row + 2] as number,
      at: rows[row + 3] as number,
      bytesOut: rows[row + 4] as number,
      crcOut: rows[row + 5] as number,
    };
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
