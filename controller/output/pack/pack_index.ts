/**
 * Which entries of a pack its journal knows. The records of a journal are in the order of the entries, and each is true
 * of the pack as far as the pack has its entry.
 */

import type { JobRecord } from "../journal/journal_record.ts";
import type { PackFile } from "./pack_file.ts";

/** Where a pack ends, and where it can be cut. */
export type PackEnds = Pick<PackFile, "bytes" | "endBefore">;

/** A record that names an entry. */
export interface EntryRecord {
  /** Where it begins in the journal. */
  readonly at: number;
  readonly packAt: number;
  readonly packBytes: number;
}

/** Learns from the records of a journal, in their order. */
export class PackIndex {
  readonly #file: PackEnds;
  readonly #headBytes: number;
  /** How many entries the journal knows, and whether the pack may have others, too. */
  #entries = 0;
  #hasOthers = false;
  /** Where the last entry ends that the journal knows, and the last one that the file has too. */
  #recordedBytes = 0;
  #keptBytes = 0;
  #first: EntryRecord | undefined;
  #lastKept: EntryRecord | undefined;

  /** `file`: the pack as it is now; `headBytes`: the size of what it begins with. */
  constructor(file: PackEnds, headBytes = 0) {
    this.#file = file;
    this.#headBytes = headBytes;
  }

  /** Whether the pack has at least one entry that is not among the `jobs` that have one. */
  hasMoreThan(jobs: number): boolean {
    return this.#hasOthers || this.#entries > jobs;
  }

  // What follows is known after the whole journal has been read.

  /** Where the last entry ends that stays: the pack can be cut there. */
  get keptBytes(): number {
    return this.#file.endBefore(this.#keptBytes);
  }

  /** Whether the pack has the entry that ends here, as a record says. */
  has(end: number): boolean {
    return end > 0 && end <= this.#keptBytes;
  }

  /** Whether the pack has no entry that the journal knows. */
  get keepsNone(): boolean {
    return this.keptBytes === 0;
  }

  /** Whether the journal has records of entries that the pack has lost. */
  get hasLost(): boolean {
    return this.#recordedBytes > this.keptBytes;
  }

  /** The record of the first entry, if that is known. */
  get first(): EntryRecord | undefined {
    return this.#first;
  }

  /** The record of the entry that ends at `keptBytes`, if that is known. */
  get lastKept(): EntryRecord | undefined {
    const { packAt = 0, packBytes = 0 } = this.#lastKept ?? {};
    return packAt + packBytes === this.keptBytes ? this.#lastKept : undefined;
  }

  /** A record that begins at `at` in the journal. Returns where the entry of its output ends; 0 if there is none. */
  onRecord(
    { state, packAt, packBytes = 0 }: Pick<JobRecord, "state" | "packAt" | "packBytes">,
    at: number,
  ): number {
    if (state !== "done" || packAt === undefined || packBytes === 0) return 0;
    return this.onEntry(packAt, packBytes, at);
  }

  /** The record of a job that is done. Returns where its entry ends. */
  onEntry(packAt: number, packBytes: number, at: number): number {
    if (packAt > Math.max(this.#recordedBytes, this.#headBytes)) this.#hasOthers = true; // lines are lost
    const end = packAt + packBytes;
    if (packAt === this.#headBytes) this.#first = { at, packAt, packBytes };
    this.#entries += 1;
    this.#recordedBytes = end;
    if (end <= this.#file.bytes) {
      this.#keptBytes = end;
      this.#lastKept = { at, packAt, packBytes };
    }
    return end;
  }
}
