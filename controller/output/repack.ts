/**
 * Writes a pack and its journal anew without what has been superseded: entries of jobs that have run again or have
 * failed since, and entries that no record names. Both new files are complete on the disk before the pack takes its
 * place. If this process is killed before the journal has taken its own, the next run does the rest.
 */

import { codeOf } from "../../runtime/error_text.ts";
import type { OpenFile } from "../../runtime/files.ts";
import type { FolderFiles } from "../../runtime/files_below.ts";
import { formatRecord, type ReadRecord, toJobRecord } from "./journal_record.ts";
import { LatestRecords } from "./latest_records.ts";
import type { PackFormat } from "./pack_entry.ts";

/** How much is copied at once. */
const COPIED_BYTES = 1024 * 1024;

/** A pack, its journal, and where the new ones are made. */
export interface PackFiles {
  readonly files: FolderFiles;
  readonly pack: string;
  readonly journal: string;
  readonly newPack: string;
  /** It is there only while the new pack is complete. */
  readonly newJournal: string;
}

/** Finishes or undoes what a run has begun that was killed. */
export async function recoverRepack(paths: PackFiles): Promise<void> {
  const { files, journal, newPack, newJournal } = paths;
  const isMoved = !await exists(files, newPack);
  if (await exists(files, newJournal)) {
    if (isMoved) return await files.rename(newJournal, journal);
    await files.unlink(newJournal); // before the new pack: alone it would count
  }
  if (!isMoved) await files.unlink(newPack);
}

/** Writes both anew. `begun` is the first line of the new journal. */
export async function repack(paths: PackFiles, format: PackFormat, begun: string): Promise<void> {
  const { files, pack, journal, newPack, newJournal } = paths;
  const opened: OpenFile[] = [];
  const open = async (opening: Promise<OpenFile>) => {
    const file = await opening;
    opened.push(file);
    return file;
  };
  try {
    const source = await open(files.openToRead(pack));
    const latest = await LatestRecords.in(files, journal, (await source.info()).bytes);
    const entries = await open(files.openToAppend(newPack, true));
    const records = await open(files.openToAppend(newJournal, true));
    await entries.append(format.head);
    const copy = new Copy(source, entries, records, format.head.byteLength, begun);
    await latest.read((record, isWhole) => copy.add(record, isWhole), () => copy.write());
    await entries.append(format.tail);
    await entries.datasync();
    await records.datasync();
    await files.rename(newPack, pack);
    await files.rename(newJournal, journal);
  } finally {
    for (const file of opened) await file.close();
  }
}

/** Copies entries and their records. */
class Copy {
  readonly #source: OpenFile;
  readonly #entries: OpenFile;
  readonly #records: OpenFile;
  readonly #chunk = new Uint8Array(COPIED_BYTES);
  /** Lines of the journal that are not written yet. */
  #text: string;
  /** Parts of the pack that are not copied yet. Neighbors are one. */
  #parts: { readonly at: number; bytes: number }[] = [];
  /** Where the next entry comes to lie. */
  #packAt: number;

  constructor(
    source: OpenFile,
    entries: OpenFile,
    records: OpenFile,
    headBytes: number,
    begun: string,
  ) {
    this.#source = source;
    this.#entries = entries;
    this.#records = records;
    this.#packAt = headBytes;
    this.#text = begun;
  }

  /** Adds a record, with its entry if it has one. What is done and has no whole entry runs again. */
  add(record: ReadRecord, isWhole: boolean): void {
    const { state, core, packAt = 0, packBytes = 0 } = record;
    const job = toJobRecord(record);
    if (state === "failed") {
      this.#text += formatRecord(job, core);
    } else if (isWhole) {
      this.#text += formatRecord({ ...job, packAt: this.#packAt }, core);
      this.#packAt += packBytes;
      const last = this.#parts.at(-1);
      if (last && last.at + last.bytes === packAt) last.bytes += packBytes;
      else this.#parts.push({ at: packAt, bytes: packBytes });
    }
  }

  /** Writes what was added. */
  async write(): Promise<void> {
    const [text, parts] = [this.#text, this.#parts];
    this.#text = "";
    this.#parts = [];
    for (const { at, bytes } of parts) await this.#copy(at, bytes);
    if (text !== "") await this.#records.append(new TextEncoder().encode(text));
  }

  async #copy(at: number, bytes: number): Promise<void> {
    for (let left = bytes; left > 0;) {
      const chunk = this.#chunk.subarray(0, Math.min(left, COPIED_BYTES));
      const read = await this.#source.read(chunk, at + bytes - left);
      if (read === 0) throw new Error("the pack has become shorter");
      await this.#entries.append(chunk.subarray(0, read));
      left -= read;
    }
  }
}

async function exists(files: FolderFiles, path: string): Promise<boolean> {
  try {
    await files.info(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}
