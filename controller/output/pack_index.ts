/**
 * Which entries of a pack are whole, as its journal says: it names the place of each entry. A run that resumes cuts
 * off whatever no record names, and then appends. So a record counts only if its entry ends before all later cuts, and
 * within the file as it is now.
 */

import type { JobRecord } from "./journal_record.ts";
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
  /** The sizes to which the pack was cut, in order. The entries between two cuts are an epoch. */
  readonly #cuts: number[] = [];
  /** How many entries the journal knows, and whether the pack may have others, too. */
  #entries = 0;
  #hasOthers = false;
  /** Where the last entry ends that the journal knows, and the last one that the file has too. */
  #recordedBytes = 0;
  #keptBytes = 0;
  #limits: number[] | undefined;
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

  /** Where the last entry ends that stays: the pack can be cut there. Call it after the whole journal has been read. */
  get keptBytes(): number {
    return this.#file.endBefore(this.#keptBytes);
  }

  /** The record of the first entry, if that is known and the pack was not cut before it. */
  get first(): EntryRecord | undefined {
    return this.#recordedBytes > this.#headBytes ? this.#first : undefined;
  }

  get epoch(): number {
    return this.#cuts.length;
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
    if (packAt < this.#recordedBytes) this.onCut(packAt); // the line that says so was damaged
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

  /** A run has begun, and has cut the pack to this size. */
  onCut(bytes: number): void {
    this.#cuts.push(bytes);
    if (bytes !== this.#recordedBytes) this.#hasOthers = true; // which entries are left is not counted
    this.#recordedBytes = Math.min(this.#recordedBytes, bytes);
    this.#keptBytes = Math.min(this.#keptBytes, bytes);
  }

  /** The record of the entry that ends at `keptBytes`, if that is known. */
  get lastKept(): EntryRecord | undefined {
    const { packAt = 0, packBytes = 0 } = this.#lastKept ?? {};
    return packAt + packBytes === this.keptBytes ? this.#lastKept : undefined;
  }

  /** Whether the pack still has an entry. Call it after the whole journal has been read. */
  isWhole(end: number, epoch: number): boolean {
    this.#limits ??= this.#limitsOf();
    return end > 0 && end <= (this.#limits[epoch] as number);
  }

  /** Whether an entry was cut off by a run that began after it, as far as the journal has been read. */
  wasCutOff(end: number, epoch: number): boolean {
    const cuts = this.#cuts;
    for (let later = epoch; later < cuts.length; later++) {
      if ((cuts[later] as number) < end) return true;
    }
    return false;
  }

  /** For each epoch, the smallest size that the pack has had since. */
  #limitsOf(): number[] {
    const limits = [this.keptBytes];
    for (const cut of this.#cuts.toReversed()) limits.push(Math.min(cut, limits.at(-1) as number));
    return limits.toReversed();
  }
}
