/** The records of a pack's journal that count: the last one of each job, and the inputs that the last run could not use. */

import type { FolderFiles } from "../../../runtime/files/files_below.ts";
import { type JournalEvents, readJournal } from "../journal/journal_reader.ts";
import type { ReadRecord } from "../journal/journal_record.ts";
import { OfLastRun } from "../journal/last_run.ts";
import { NameIndex } from "../journal/name_index.ts";

/** Finds the records that count. A million jobs take 40 MB. */
export class LatestRecords {
  readonly #files: FolderFiles;
  readonly #journal: string;
  readonly #names = new NameIndex();
  /** Where the last record of each job that was sent is. */
  readonly #lastAt: number[] = [];
  /**
   * Where the first input is that the last run could not use. All from there on are kept, as several may have one name.
   * Those of earlier runs are not: in the new journal they would be of the last run.
   */
  readonly #unusedOfLast = new OfLastRun(() => ({ from: Infinity }));

  private constructor(files: FolderFiles, journal: string) {
    this.#files = files;
    this.#journal = journal;
  }

  /** Reads the journal of a pack. */
  static async in(files: FolderFiles, journal: string): Promise<LatestRecords> {
    const latest = new LatestRecords(files, journal);
    await latest.#read({
      onRecord: (record, at) => latest.#onRecord(record, at),
      onRun: (event, ending) => latest.#unusedOfLast.onRun(event, ending),
    });
    return latest;
  }

  /** Reads it once more, and passes on the records that count. `onSome` is called after some of them. */
  async read(onRecord: (record: ReadRecord) => void, onSome: () => Promise<void>): Promise<void> {
    const { from } = this.#unusedOfLast.value;
    await this.#read({
      onRecord: (record, at) => {
        const counts = record.attempt > 0 ? this.#isLast(record, at) : at >= from;
        if (counts) onRecord(record);
      },
      onRun() {},
      onSome,
    });
  }

  #onRecord({ input, attempt }: ReadRecord, at: number): void {
    const unused = this.#unusedOfLast.value; // at each record: with its first one, a run has begun
    if (attempt > 0) this.#lastAt[this.#names.add(input)] = at;
    else unused.from = Math.min(unused.from, at);
  }

  #isLast({ input }: ReadRecord, at: number): boolean {
    return this.#lastAt[this.#names.find(input) ?? -1] === at;
  }

  async #read(events: Omit<JournalEvents, "onFlaw">): Promise<void> {
    await readJournal(this.#files, this.#journal, { ...events, onFlaw() {} });
  }
}
