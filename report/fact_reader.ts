/** Reads what a journal says, line by line: an old one, a damaged one, or one to which a run is still writing. */

import type { Buffer } from "node:buffer";
import { chunksOf } from "../controller/output/file_chunks.ts";
import { checkedValue, tailOf } from "../controller/output/journal/journal_record.ts";
import type { FolderFiles } from "../runtime/files/files_below.ts";
import { LineCutter } from "../system/line_cutter.ts";
import { factsOf, type JobFacts, type RunFacts, type WorkerFacts } from "./journal_facts.ts";

/** No line that distcomp writes is longer. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;

/** What the reader passes on, in the order of the file. */
export interface FactEvents {
  onFacts(facts: JobFacts | RunFacts | WorkerFacts): void;
  /** A line cannot be used: it is damaged, or of a later version of distcomp. */
  onFlaw(kind: "damaged" | "newer"): void;
}

/** Reads a journal to its end. A last line without an end is still being written, or was torn, and is left out. */
export async function readFacts(
  files: FolderFiles,
  path: string,
  events: FactEvents,
): Promise<void> {
  const lines = new LineCutter({
    onLine: (line) => onLine(line, events),
    lineBytesMax: LINE_BYTES_MAX,
    reusesChunks: true,
  });
  for await (const chunk of chunksOf(files, path)) lines.push(chunk);
}

function onLine(line: Buffer, events: FactEvents): void {
  if (line.byteLength === 0) return;
  let value = checkedValue(line);
  if (!value) {
    events.onFlaw("damaged");
    value = valueOfTail(line); // what was damaged may only be the line feed before it
  }
  const facts = value && factsOf(value);
  if (!facts || facts.kind === "other") return;
  if (facts.kind === "newer") events.onFlaw("newer");
  else events.onFacts(facts);
}

function valueOfTail(line: Buffer): ReturnType<typeof checkedValue> {
  const tail = tailOf(line);
  return tail && checkedValue(tail);
}
