/** The records of a pack's journal that count: the last one of each job. */

import type { FolderFiles } from "../../../runtime/files/files_below.ts";
import { readJournal } from "../journal/journal_reader.ts";
import type { ReadRecord } from "../journal/journal_record.ts";
import { NameIndex } from "../journal/name_index.ts";

/** Finds the records that count. A million jobs take 40 MB. */
export class LatestRecords {
  readonly #files: FolderFiles;
  readonly #journal: string;
  readonly #names = new NameIndex();
  /** Where the last record of each job is. One of a job that was not sent does not count, but is kept beside it. */
  readonly #lastAt: number[] = [];
  readonly #lastSentAt: number[] = [];

  private constructor(files: FolderFiles, journal: string) {
    this.#files = files;
    this.#journal = journal;
  }

  /** Reads the journal of a pack. */
  static async in(files: FolderFiles, journal: string): Promise<LatestRecords> {
    const latest = new LatestRecords(files, journal);
    await latest.#read((record, at) => latest.#onRecord(record, at));
    return latest;
  }

  /** Reads it once more, and passes on the records that count. `onSome` is called after some of them. */
  async read(onRecord: (record: ReadRecord) => void, onSome: () => Promise<void>): Promise<void> {
    await this.#read((record, at) => {
      const number = this.#names.find(record.input) ?? -1;
      if (this.#lastAt[number] === at || this.#lastSentAt[number] === at) onRecord(record);
    }, onSome);
  }

  #onRecord({ input, attempt }: ReadRecord, at: number): void {
    const number = this.#names.add(input);
    this.#lastAt[number] = at;
    if (attempt > 0) this.#lastSentAt[number] = at;
  }

  async #read(
    onRecord: (record: ReadRecord, at: number) => void,
    onSome = () => Promise.resolve(),
  ): Promise<void> {
    await readJournal(this.#files, this.#journal, { onRecord, onRun() {}, onFlaw() {}, onSome });
  }
}
