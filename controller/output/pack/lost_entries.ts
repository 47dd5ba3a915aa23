/**
 * Takes the records of entries out of a journal that the pack has lost, as it does when the power fails. The next run
 * writes other entries in their place. If their records were lost in turn, the old ones would seem to be of these.
 */

import { Buffer } from "node:buffer";
import type { FolderFiles } from "../../../runtime/files/files_below.ts";
import { LineCutter } from "../../../system/line_cutter.ts";
import { copyAccess } from "./copy_access.ts";
import { chunksOf } from "../file_chunks.ts";
import { LINE_BYTES_MAX } from "../journal/journal_reader.ts";
import { parseLine, tailOf } from "../journal/journal_record.ts";

const LINE_FEED = Buffer.from("\n");
const NOTHING = Buffer.alloc(0);

/** Writes a journal anew without the records of entries that end behind `keptBytes`. `newJournal`: its path until then. */
export async function forgetLostEntries(
  files: FolderFiles,
  journal: string,
  newJournal: string,
  keptBytes: number,
): Promise<void> {
  const file = await files.openToAppend(newJournal, true);
  try {
    await copyAccess(files, journal, newJournal);
    let kept: Buffer[] = [];
    const lines = new LineCutter({
      onLine: (line) => {
        const rest = keptOf(line, keptBytes);
        if (rest.byteLength > 0) kept.push(Buffer.concat([rest, LINE_FEED]));
      },
      lineBytesMax: LINE_BYTES_MAX,
      reusesChunks: true,
    });
    for await (const chunk of chunksOf(files, journal)) {
      lines.push(chunk);
      await file.append(Buffer.concat(kept));
      kept = [];
    }
    lines.end();
    await file.append(Buffer.concat(kept));
    await file.datasync();
  } finally {
    await file.close();
  }
  await files.rename(newJournal, journal);
}

/** What stays of a line. A damaged one stays damaged: nobody knows what it was about. */
function keptOf(line: Buffer, keptBytes: number): Buffer {
  if (isLost(line, keptBytes)) return NOTHING;
  const tail = parseLine(line).kind === "damaged" ? tailOf(line) : undefined;
  if (!tail || !isLost(tail, keptBytes)) return line;
  return keptOf(line.subarray(0, -tail.byteLength), keptBytes);
}

function isLost(line: Buffer, keptBytes: number): boolean {
  const read = parseLine(line);
  if (read.kind !== "record" || read.record.state !== "done") return false;
  const { packAt = 0, packBytes = 0 } = read.record;
  return packAt + packBytes > keptBytes;
}
