/** Reads a journal, even a damaged one: only the damaged lines are lost. */

import type { Buffer } from "node:buffer";
import { LineCutter } from "../../../system/line_cutter.ts";
import type { FolderFiles } from "../../../runtime/files/files_below.ts";
import { chunksOf } from "../file_chunks.ts";
import { parseLine, parseTail, type ReadRecord, type RunEvent } from "./journal_record.ts";
import type { RunEnding } from "./run_ending.ts";

/** No record is longer. A longer line is damaged, and only its end can contain a record. */
export const LINE_BYTES_MAX = 16 * 1024 * 1024;

/** What every line ends with. */
const LAST_BYTE = "}".charCodeAt(0);

/** A single record is seldom larger. */
const RECORD_CHUNK_BYTES = 64 * 1024;

/** The numbers of lines that cannot be used. */
export interface JournalFlaws {
  damaged: number;
  /** Written by a later version of distcomp. */
  newer: number;
}

/** What the reader reports, in the order of the file. */
export interface JournalEvents {
  /** A record, and where its line begins in the file. */
  onRecord(record: ReadRecord, at: number): void;
  onRun(event: RunEvent, ending?: RunEnding): void;
  /** A line that cannot be used. */
  onFlaw(kind: keyof JournalFlaws): void;
  /** The line that could not be used is cut off, and the last one of its run: a run that was killed has torn it. */
  onTorn?(): void;
  /** May take a line that is a plain record: then `onRecord` does not get it. The line is valid during the call. */
  takesLine?(line: Buffer, at: number): boolean;
  /** Some lines were read. The next ones wait for it. */
  onSome?(): Promise<void>;
}

/** Reads a journal from its beginning to its end. */
export async function readJournal(
  files: FolderFiles,
  path: string,
  events: JournalEvents,
): Promise<void> {
  let isAfterCut = false;
  const lines = new LineCutter({
    onLine: (line, at) => isAfterCut = readLine(line, at, events, isAfterCut),
    lineBytesMax: LINE_BYTES_MAX,
    reusesChunks: true,
  });
  for await (const chunk of chunksOf(files, path)) {
    lines.push(chunk);
    await events.onSome?.();
  }
  lines.end();
  if (isAfterCut) events.onTorn?.();
  await events.onSome?.();
}

/** The record whose line begins at `at`; `undefined` if the file has changed. */
export async function readRecordAt(
  files: FolderFiles,
  path: string,
  at: number,
): Promise<ReadRecord | undefined> {
  let found: ReadRecord | undefined;
  let isRead = false;
  const events = { onRecord: (record: ReadRecord) => found = record, onRun() {}, onFlaw() {} };
  const lines = new LineCutter({
    onLine: (line, at) => {
      if (!isRead) readLine(line, at, events, false);
      isRead = true;
    },
    lineBytesMax: LINE_BYTES_MAX,
    onOverlong: () => isRead = true,
    reusesChunks: true,
  });
  for await (const chunk of chunksOf(files, path, at, RECORD_CHUNK_BYTES)) {
    lines.push(chunk);
    if (isRead) return found;
  }
  lines.end();
  return found;
}

/** `isAfterCut`: the line before it is cut off. Returns whether this one is, too. */
function readLine(line: Buffer, at: number, events: JournalEvents, isAfterCut: boolean): boolean {
  if (line.byteLength === 0) return isAfterCut; // an append may begin with a line feed that was not needed
  if (events.takesLine?.(line, at)) return false;
  let read = parseLine(line);
  let isCut = false;
  if (read.kind === "damaged") {
    events.onFlaw("damaged");
    read = parseTail(line);
    isCut = read.kind === "damaged" && line.at(-1) !== LAST_BYTE;
  }
  if (read.kind === "newer") events.onFlaw("newer");
  if (read.kind === "run") {
    if (isAfterCut && read.event === "begun") events.onTorn?.();
    events.onRun(read.event, read.ending);
  }
  if (read.kind === "record") events.onRecord(read.record, at);
  return isCut;
}
