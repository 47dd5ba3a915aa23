/**
 * The jobs in a journal, each as a row of numbers. A million jobs take 110 MB; as objects in a `Map` they would
 * take 150 to 300 MB.
 */

import { hash } from "node:crypto";
import { NameIndex } from "./name_index.ts";

/** Hex digits that are kept of an identity's digest: as many as fit into a number exactly. */
const IDENTITY_HEX_DIGITS = 13;

const FIRST_ROWS_MAX = 512;

/** The state of a job in its last record. */
export const JobState = { done: 0, failed: 1, otherCore: 2 } as const;

/** A job's last record. */
export interface JobEntry {
  /** The result of `identityNumber`. */
  readonly identity: number;
  readonly state: (typeof JobState)[keyof typeof JobState];
  /** See `JournalEpochs`. */
  readonly epoch: number;
  /** Where the record begins in the journal. */
  readonly at: number;
  /** In a pack: where its entry ends; 0 if it has none. */
  readonly bytesOut: number;
  readonly crcOut: number;
  /** The `identityNumber` of its input's content; 0 if that is not recorded. */
  readonly content: number;
}

/** The number of columns. */
const ROW_COLUMNS = 7;

/** Entries by the jobs' names. */
export class JobTable {
  readonly #names = new NameIndex();
  #rows = new Float64Array(ROW_COLUMNS * FIRST_ROWS_MAX);

  /** Sets a job's entry, and replaces an earlier one. */
  set(name: string, entry: JobEntry): void {
    const row = ROW_COLUMNS * this.#names.add(name);
    if (row === this.#rows.length) this.#grow();
    const { identity, state, epoch, at, bytesOut, crcOut, content } = entry;
    const rows = this.#rows;
    rows[row] = identity;
    rows[row + 1] = state;
    rows[row + 2] = epoch;
    rows[row + 3] = at;
    rows[row + 4] = bytesOut;
    rows[row + 5] = crcOut;
    rows[row + 6] = content;
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
    const row = ROW_COLUMNS * number;
    return {
      identity: rows[row] as number,
      state: rows[row + 1] as JobEntry["state"],
      epoch: rows[row + 2] as number,
      at: rows[row + 3] as number,
      bytesOut: rows[row + 4] as number,
      crcOut: rows[row + 5] as number,
      content: rows[row + 6] as number,
    };
  }

  #grow(): void {
    const rows = new Float64Array(2 * this.#rows.length);
    rows.set(this.#rows);
    this.#rows = rows;
  }
}

/** A 52-bit number that stands for an identity. */
export function identityNumber(identity: string): number {
  return parseInt(hash("sha256", identity, "hex").slice(0, IDENTITY_HEX_DIGITS), 16);
}
