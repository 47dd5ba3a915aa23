/** Whether a pack is the file that its journal describes: what a run finds in its place is cut, and written to. */

import { Buffer } from "node:buffer";
import { reasonOf } from "../../../runtime/error_text.ts";
import type { FolderFiles } from "../../../runtime/files/files_below.ts";
import { SinkError } from "../sink_errors.ts";
import { readRecordAt } from "../journal/journal_reader.ts";
import type { PackFormat } from "./pack_entry.ts";
import type { PackContent } from "./pack_file.ts";
import type { EntryRecord, PackIndex } from "./pack_index.ts";
import type { PastJobs } from "../past_jobs.ts";

/** A pack, and the journal that was read into its index. */
export interface CheckedPack {
  readonly path: string;
  readonly journal: string;
  readonly content: PackContent;
  readonly pack: PackIndex;
  readonly format: PackFormat;
  readonly past: Pick<PastJobs, "lacksLines">;
}

/**
 * Rejects with a `SinkError` if somebody has put another file in the place of the pack, or of the journal, or if what the
 * pack has there is damaged.
 */
export async function checkPackIsOf(files: FolderFiles, checked: CheckedPack): Promise<void> {
  const { path, journal, content, pack, past } = checked;
  if (pack.keepsNone && past.lacksLines && await hasEntries(checked)) {
    throw new SinkError(
      `Cannot continue the pack "${path}": its journal "${journal}" is damaged and names none of its outputs; ` +
        "put that file back, choose another pack, or use --fresh to replace both",
    );
  }
  const entry = pack.lastKept ?? pack.first;
  if (!entry || (!content.isOther && await isThere(files, entry, checked))) return;
  throw new SinkError(
    `Cannot continue the pack "${path}": it is not the file that "${journal}" describes; ` +
      "put that file back, choose another one, or use --fresh to replace it",
  );
}

/** Whether there is more in the file than what a pack without entries has. */
async function hasEntries(checked: CheckedPack): Promise<boolean> {
  const { content, format } = checked;
  if (content.isOther) return true;
  const without = Buffer.concat([format.head, format.tail]);
  const found = new Uint8Array(without.byteLength + 1);
  const bytes = await read(checked, found, 0);
  return !without.subarray(0, bytes).equals(found.subarray(0, bytes));
}

/** Whether the pack has what the entry begins with, as far as it is there. */
async function isThere(
  files: FolderFiles,
  entry: EntryRecord,
  checked: CheckedPack,
): Promise<boolean> {
  const { journal, pack, format } = checked;
  const record = await readRecordAt(files, journal, entry.at);
  if (!record) return true; // somebody changes the journal meanwhile, which the lock cannot prevent
  const start = format.startOf(record.input, record.bytesOut);
  // A pack that is shorter than its first entry begins like it.
  const isFirst = entry === pack.first;
  const expected = isFirst ? Buffer.concat([format.head, start]) : start;
  const found = new Uint8Array(expected.byteLength);
  const bytes = await read(checked, found, isFirst ? 0 : entry.packAt);
  return found.subarray(0, bytes).every((byte, at) => byte === expected[at]);
}

/** Reads the content of the pack. Rejects with a `SinkError`. */
async function read(
  { path, content }: CheckedPack,
  into: Uint8Array<ArrayBuffer>,
  at: number,
): Promise<number> {
  try {
    return await content.read(into, at);
  } catch (cause) {
    throw new SinkError(
      `Cannot continue the pack "${path}": ${reasonOf(cause)}; ` +
        "put a whole copy of it back, choose another pack, or use --fresh to replace this one",
      { cause },
    );
  }
}
