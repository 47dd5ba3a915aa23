/**
 * Writes a pack and its journal anew without what has been superseded: entries of jobs that have run again or have
 * failed since, and entries that no record names. Both new files are complete on the disk before the pack takes its
 * place. If this process is killed before the journal has taken its own, the next run does the rest.
 */

import type { Buffer } from "node:buffer";
import { codeOf } from "../../../runtime/error_text.ts";
import type { OpenFile } from "../../../runtime/files/files.ts";
import type { FolderFiles } from "../../../runtime/files/files_below.ts";
import { copyAccess } from "./copy_access.ts";
import { formatRecord, type ReadRecord, toJobRecord } from "../journal/journal_record.ts";
import { LatestRecords } from "./latest_records.ts";
import { PackBatch } from "./pack_batch.ts";
import type { PackFormat } from "./pack_entry.ts";
import type { PackFile } from "./pack_file.ts";
import { openPackFile, packChunks } from "./pack_opener.ts";

/** A pack, its journal, and where the new ones are made. */
export interface PackFiles {
  readonly files: FolderFiles;
  readonly pack: string;
  readonly isZstd: boolean;
  readonly journal: string;
  readonly newPack: string;
  /** It is there only while the new pack is complete. */
  readonly newJournal: string;
}

/** Finishes or undoes what a run has begun that was killed. */
export async function recoverRepack(paths: PackFiles): Promise<void> {
  const { files, journal, newPack, newJournal } = paths;
  if (await journalThatCounts(paths) === newJournal) return await files.rename(newJournal, journal);
  await files.remove(newJournal); // before the new pack: alone it would count
  await files.remove(newPack);
}

/** The journal of what has the name of the pack: the new one, if the new pack has taken its place already. */
export async function journalThatCounts(
  { files, journal, newPack, newJournal }: PackFiles,
): Promise<string> {
  const isMoved = !await exists(files, newPack) && await exists(files, newJournal);
  return isMoved ? newJournal : journal;
}

/** Writes both anew. `begun` is the first line of the new journal, `ended` the last. */
export async function repack(
  paths: PackFiles,
  format: PackFormat,
  { begun, ended }: { readonly begun: string; readonly ended: string },
): Promise<void> {
  const { files, pack, isZstd, journal, newPack, newJournal } = paths;
  const latest = await LatestRecords.in(files, journal);
  const entries = await openPackFile(files, newPack, isZstd);
  try {
    await copyAccess(files, pack, newPack); // before there is anything to read
    const records = await files.openToAppend(newJournal, true);
    try {
      await copyAccess(files, journal, newJournal);
      const content = new Content(packChunks(files, pack, isZstd));
      const copy = new Copy(content, entries, records, format.head, begun);
      await latest.read((record) => copy.add(record), () => copy.write());
      await copy.end(format.tail);
      await records.append(new TextEncoder().encode(ended));
      await content.close();
      await entries.datasync();
      await records.datasync();
    } finally {
      await records.close();
    }
  } finally {
    await entries.close();
  }
  await files.rename(newPack, pack);
  await files.rename(newJournal, journal);
}

/** Copies entries and their records. */
class Copy {
  readonly #content: Content;
  readonly #entries: PackFile;
  readonly #records: OpenFile;
  readonly #batch = new PackBatch();
  /** Lines of the journal that are not written yet. */
  #text: string;
  /** Parts of the old pack that are not copied yet. Neighbors are one. */
  #parts: { readonly at: number; bytes: number }[] = [];
  /** Where the next entry comes to lie. */
  #packAt: number;

  constructor(
    content: Content,
    entries: PackFile,
    records: OpenFile,
    head: Uint8Array,
    begun: string,
  ) {
    this.#content = content;
    this.#entries = entries;
    this.#records = records;
    this.#batch.add(head);
    this.#packAt = head.byteLength;
    this.#text = begun;
  }

  /** Adds a record, with its entry if it has one. What is done and has no entry runs again. */
  add(record: ReadRecord): void {
    const { state, core, packAt = 0, packBytes = 0 } = record;
    const job = toJobRecord(record);
    if (state === "failed") {
      this.#text += formatRecord(job, core);
    } else if (packBytes > 0) {
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
    for (const { at, bytes } of parts) {
      for await (const piece of this.#content.part(at, bytes)) {
        this.#batch.add(new Uint8Array(piece)); // the next one is read to the same memory
        if (this.#batch.isFull) await this.#writeBatch();
      }
    }
    if (text !== "") await this.#records.append(new TextEncoder().encode(text));
  }

  async end(tail: Uint8Array): Promise<void> {
    if (this.#batch.bytes > 0) await this.#writeBatch();
    if (tail.byteLength > 0) await this.#entries.append([tail]); // a batch of its own can be cut off
  }

  async #writeBatch(): Promise<void> {
    await this.#entries.append(this.#batch.take().parts);
  }
}

/** The content of a pack, of which parts are read in their order. */
class Content {
  readonly #chunks: AsyncIterator<Buffer>;
  #chunk: Uint8Array = new Uint8Array(0);
  /** Where the chunk begins. */
  #at = 0;

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The bytes from `at` on, in pieces that are valid until the next one. */
  async *part(at: number, bytes: number): AsyncIterable<Uint8Array> {
    for (let left = bytes; left > 0;) {
      const start = at + bytes - left - this.#at;
      if (start < 0) throw new Error("its journal is not in the order of its entries");
      const piece = this.#chunk.subarray(start, start + left);
      if (piece.byteLength > 0) yield piece;
      else await this.#next();
      left -= piece.byteLength;
    }
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #next(): Promise<void> {
    this.#at += this.#chunk.byteLength;
    const { value, done } = await this.#chunks.next();
    if (done) throw new Error("it has become shorter");
    this.#chunk = value;
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
