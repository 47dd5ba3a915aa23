/** The records of a pack's journal that count: the last one of each job. */

import type { FolderFiles } from "../../runtime/files_below.ts";
import { readJournal } from "./journal_reader.ts";
import type { ReadRecord } from "./journal_record.ts";
import { NameIndex } from "./name_index.ts";
import { type PackEnds, PackIndex } from "./pack_index.ts";

/** Finds the records that count. A million jobs take 40 MB. */
export class LatestRecords {
  readonly #files: FolderFiles;
  readonly #journal: string;
  readonly #pack: PackEnds;
  /** Knows which entries are whole, once the journal was read. */
  readonly #whole: PackIndex;
  readonly #names = new NameIndex();
  /** Where the last record of each job is. One of a job that was not sent does not count, but is kept beside it. */
  readonly #lastAt: number[] = [];
  readonly #lastSentAt: number[] = [];

  private constructor(files: FolderFiles, journal: string, pack: PackEnds) {
    this.#files = files;
    this.#journal = journal;
    this.#pack = pack;
    this.#whole = new PackIndex(pack);
  }

  /** Reads the journal of a pack. */
  static async in(files: FolderFiles, journal: string, pack: PackEnds): Promise<LatestRecords> {
    const latest = new LatestRecords(files, journal, pack);
    await latest.#read(latest.#whole, (record, at) => latest.#onRecord(record, at));
    return latest;
  }

  /** Reads it once more, and passes on the records that count. `onSome` is called after some of them. */
  async read(
    onRecord: (record: ReadRecord, isWhole: boolean) => void,
    onSome: () => Promise<void>,
  ): Promise<void> {
    const index = new PackIndex(this.#pack);
    await this.#read(index, (record, at, end) => {
      const number = this.#names.find(record.input) ?? -1;
      if (this.#lastAt[number] !== at && this.#lastSentAt[number] !== at) return;
      onRecord(record, this.#whole.isWhole(end, index.epoch));
    }, onSome);
  }

  #onRecord({ input, attempt }: ReadRecord, at: number): void {
    const number = this.#names.add(input);
    this.#lastAt[number] = at;
    if (attempt > 0) this.#lastSentAt[number] = at;
  }

  async #read(
    index: PackIndex,
    onRecord: (record: ReadRecord, at: number, end: number) => void,
    onSome = () => Promise.resolve(),
  ): Promise<void> {
    await readJournal(this.#files, this.#journal, {
      onRecord: (record, at) => {
        const end = index.onRecord(record, at); // first: it may begin another epoch
        onRecord(record, at, end);
      },
      onRun: (event, packBytes) => {
        if (event === "begun" && packBytes !== undefined) index.onCut(packBytes);
      },
      onFlaw() {},
      onSome,
    });
  }
}
