/**
 * The jobs in a journal, each as a row of numbers. A million jobs take 60 MB; as objects in a `Map` they would take
 * 150 to 300 MB.
 */

import { NameIndex } from "./name_index.ts";
import { TextHash } from "./text_hash.ts";

/** The state of a job in its last record. Those that ran with another core run again. */
export const JobState = { done: 0, failed: 1, failedOtherCore: 2, doneOtherCore: 3 } as const;

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

/** Rows are added in blocks: a table that is copied when it grows would take twice its memory for a while. */
const BLOCK_ROWS = 16_384;

/** `JobState` takes the lowest bits of a word, and the epoch the others. */
const STATES = 4;

/** Some rows, by columns. */
class Block {
  readonly identities = new Float64Array(BLOCK_ROWS);
  readonly positions = new Float64Array(BLOCK_ROWS);
  readonly sizes = new Float64Array(BLOCK_ROWS);
  readonly checksums = new Uint32Array(BLOCK_ROWS);
  readonly states = new Uint32Array(BLOCK_ROWS);
  /** Only where one is recorded. */
  contents: Float64Array | undefined;

  set(row: number, { identity, state, epoch, at, bytesOut, crcOut, content }: JobEntry): void {
    this.identities[row] = identity;
    this.positions[row] = at;
    this.sizes[row] = bytesOut;
    this.checksums[row] = crcOut;
    this.states[row] = STATES * epoch + state;
    if (content !== 0) this.contents ??= new Float64Array(BLOCK_ROWS);
    if (this.contents) this.contents[row] = content;
  }

  get(row: number): JobEntry {
    const state = this.states[row] as number;
    return {
      identity: this.identities[row] as number,
      state: state % STATES as JobEntry["state"],
      epoch: Math.floor(state / STATES),
      at: this.positions[row] as number,
      bytesOut: this.sizes[row] as number,
      crcOut: this.checksums[row] as number,
      content: this.contents?.[row] ?? 0,
    };
  }
}

/** Entries by the jobs' names. */
export class JobTable {
  readonly #names = new NameIndex();
  readonly #blocks: Block[] = [];

  /** Sets the entry of the job whose name has this hash, and replaces an earlier one. */
  set(name: TextHash, entry: JobEntry): void {
    this.#setAt(this.#names.addHash(name), entry);
  }

  get(name: string): JobEntry | undefined {
    const number = this.#names.find(name);
    return number === undefined ? undefined : this.#entryAt(number);
  }

  /** Whether it has each of these jobs of another table. */
  hasAllOf(other: JobTable, isMeant: (job: JobEntry) => boolean): boolean {
    for (let number = 0; number < other.#names.size; number++) {
      if (isMeant(other.#entryAt(number)) && !this.#names.hasNameOf(other.#names, number)) {
        return false;
      }
    }
    return true;
  }

  *entries(): Iterable<JobEntry> {
    for (let number = 0; number < this.#names.size; number++) yield this.#entryAt(number);
  }

  /** How many jobs are in a state. */
  count(state: JobEntry["state"]): number {
    let count = 0;
    for (const [index, { states }] of this.#blocks.entries()) {
      const rows = Math.min(BLOCK_ROWS, this.#names.size - index * BLOCK_ROWS);
      for (let row = 0; row < rows; row++) {
        if ((states[row] as number) % STATES === state) count += 1;
      }
    }
    return count;
  }

  #setAt(number: number, entry: JobEntry): void {
    const block = Math.floor(number / BLOCK_ROWS);
    if (block === this.#blocks.length) this.#blocks.push(new Block());
    (this.#blocks[block] as Block).set(number % BLOCK_ROWS, entry);
  }

  #entryAt(number: number): JobEntry {
    return (this.#blocks[Math.floor(number / BLOCK_ROWS)] as Block).get(number % BLOCK_ROWS);
  }
}

const HASH = new TextHash();

/** A number that stands for an identity, in this process. */
export function identityNumber(identity: string): number {
  HASH.setText(identity);
  return HASH.number;
}
