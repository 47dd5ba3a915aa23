/** Reads input files: several at once, within a limit of bytes. */

import { nextTurn } from "../../runtime/clock.ts";
import type { TargetInfo } from "../../runtime/files/files.ts";
import type { IdentifiedInput } from "../output/finished_jobs.ts";
import { contentIdentityInTurns, contentIdentityOf, fileIdentity } from "./identity.ts";
import { checkPath, checkTarget, type FileReading, noteOf, unreadable } from "./input_file.ts";
import type { IndexedFile } from "./listed_file.ts";
import { skipFinished } from "./skip.ts";
import type { SmallFiles } from "./small_files.ts";
import { STORED_INPUT_BYTES_MIN, StoredInput } from "./stored_input.ts";
import type { ReadyTask, SkippedTask, Source, SourceTask, UnreadableTask } from "./source.ts";

/** Files read concurrently: enough to hide a file server's latency. */
export const READS_MAX = 16;

/** Bytes read concurrently, unless a single file is larger. */
const READ_BYTES_MAX = 32 * 1024 * 1024;

/** A file that exists and can be an input. */
interface FoundFile extends IdentifiedInput {
  readonly kind: "found";
  readonly index: number;
  readonly path: string;
  readonly info: TargetInfo;
}

/** Reads files in order, without those of finished jobs. `smallFiles` reads those that it can read. */
export async function* readFiles(
  files: readonly IndexedFile[],
  reading: FileReading,
  smallFiles?: SmallFiles,
): Source["batches"] {
  for (let at = 0; at < files.length;) {
    const small = smallFiles?.read(files, at, reading) ?? [];
    at += small.length;
    if (small.length > 0) {
      yield small;
      await nextTurn(); // what has arrived meanwhile comes first
    } else {
      yield* readConcurrently(files.slice(at, at + READS_MAX), reading);
      at += READS_MAX;
    }
  }
}

/** Reads a few files (`READS_MAX`) beside other work. */
async function* readConcurrently(
  files: readonly IndexedFile[],
  reading: FileReading,
): Source["batches"] {
  let batch: (FoundFile | SkippedTask | UnreadableTask)[] = [];
  let batchBytes = 0;
  for (const file of await findFiles(files, reading)) {
    batch.push(file);
    if (file.kind === "found" && !isStored(file)) batchBytes += file.info.bytes;
    if (batchBytes < READ_BYTES_MAX) continue;
    yield await readBatch(batch, reading);
    batch = [];
    batchBytes = 0;
  }
  if (batch.length > 0) yield await readBatch(batch, reading);
}

/** Gets the size and times of files without reading them: the inputs of finished jobs need not be read. */
async function findFiles(
  files: readonly IndexedFile[],
  reading: FileReading,
): Promise<(FoundFile | SkippedTask | UnreadableTask)[]> {
  const found = await Promise.all(files.map((file) => findFile(file, reading)));
  const { finished } = reading;
  if (!finished) return found;
  const readable = found.filter((file) => file.kind === "found");
  const checked = await skipFinished(readable, finished);
  const byIndex = new Map(checked.map((file) => [file.index, file]));
  return found.map((file) => byIndex.get(file.index) ?? file);
}

async function findFile(
  file: IndexedFile,
  { files, finished, comparesContent = false }: FileReading,
): Promise<FoundFile | UnreadableTask> {
  const { index, name, path, failure } = file;
  if (failure !== undefined) return { kind: "unreadable", index, name, reason: failure };
  try {
    checkPath(path);
    const info = await files.target(path);
    checkTarget(info);
    const identity = fileIdentity(path, info);
    const content = comparesContent && finished ? await contentIdentityOf(files, path) : undefined;
    return { kind: "found", index, name, path, info, identity, content };
  } catch (error) {
    return unreadable(file, error);
  }
}

function readBatch(
  batch: readonly (FoundFile | SkippedTask | UnreadableTask)[],
  reading: FileReading,
): Promise<SourceTask[]> {
  return Promise.all(batch.map((file) => file.kind === "found" ? readFound(file, reading) : file));
}

async function readFound(
  file: FoundFile,
  reading: FileReading,
): Promise<ReadyTask | UnreadableTask> {
  if (isStored(file)) return await readStored(file, reading);
  const { index, name, path, identity } = file;
  try {
    const input = await reading.files.content(path);
    const content = reading.comparesContent ? await contentIdentityInTurns(input) : undefined;
    return { kind: "ready", index, name, identity, input, note: noteOf(path, reading, content) };
  } catch (error) {
    return unreadable(file, error);
  }
}

function isStored({ info }: FoundFile): boolean {
  return info.bytes > STORED_INPUT_BYTES_MIN;
}

/** It is read when it is sent. */
async function readStored(
  { index, name, path, identity, info }: FoundFile,
  reading: FileReading,
): Promise<ReadyTask | UnreadableTask> {
  const { files, comparesContent } = reading;
  try {
    const content = comparesContent ? await contentIdentityOf(files, path) : undefined;
    const stored = new StoredInput(files, path, info);
    const note = noteOf(path, reading, content);
    return { kind: "ready", index, name, identity, input: NO_INPUT, stored, note };
  } catch (error) {
    return unreadable({ index, name, path }, error);
  }
}

const NO_INPUT = new Uint8Array(0);
