/** Reads input files: several at once, within a limit of bytes. */

import { readFile, stat } from "node:fs/promises";
import { JOB_PREFIX_BYTES, PAYLOAD_BYTES_MAX_DEFAULT } from "../../protocol/mod.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import type { FinishedJobs, IdentifiedInput } from "../output/finished_jobs.ts";
import { fileIdentity } from "./identity.ts";
import type { IndexedFile } from "./listed_file.ts";
import { skipFinished } from "./skip.ts";
import type { ReadyTask, SkippedTask, Source, SourceTask, UnreadableTask } from "./source.ts";

/** Files read concurrently: enough to hide a file server's latency. */
export const READS_MAX = 16;

/** Bytes read concurrently, unless a single file is larger. */
const READ_BYTES_MAX = 32 * 1024 * 1024;

/** The largest input that fits into one job message. */
const INPUT_BYTES_MAX = PAYLOAD_BYTES_MAX_DEFAULT - JOB_PREFIX_BYTES;

/** A file that exists and can be an input. */
interface FoundFile extends IdentifiedInput {
  readonly kind: "found";
  readonly index: number;
  readonly path: string;
  readonly bytes: number;
}

/** Reads a few files (`READS_MAX`), without those of finished jobs. */
export async function* readFiles(
  files: readonly IndexedFile[],
  finished: FinishedJobs | undefined,
): Source["batches"] {
  let batch: (FoundFile | SkippedTask | UnreadableTask)[] = [];
  let batchBytes = 0;
  for (const file of await findFiles(files, finished)) {
    batch.push(file);
    if (file.kind === "found") batchBytes += file.bytes;
    if (batchBytes < READ_BYTES_MAX) continue;
    yield await readBatch(batch);
    batch = [];
    batchBytes = 0;
  }
  if (batch.length > 0) yield await readBatch(batch);
}

/** Gets the size and time of files without reading them: the inputs of finished jobs need not be read. */
async function findFiles(
  files: readonly IndexedFile[],
  finished: FinishedJobs | undefined,
): Promise<(FoundFile | SkippedTask | UnreadableTask)[]> {
  const found = await Promise.all(files.map(findFile));
  if (!finished) return found;
  const readable = found.filter((file) => file.kind === "found");
  const checked = await skipFinished(readable, finished);
  const byIndex = new Map(checked.map((file) => [file.index, file]));
  return found.map((file) => byIndex.get(file.index) ?? file);
}

async function findFile(file: IndexedFile): Promise<FoundFile | UnreadableTask> {
  const { index, name, path, failure } = file;
  if (failure !== undefined) return { kind: "unreadable", index, name, reason: failure };
  try {
    if (path.includes("\0")) throw new Error("it contains a zero byte; list one name per line");
    const info = await stat(path);
    // Checked before the file is opened: opening a pipe that nobody writes to would wait forever.
    if (!info.isFile()) throw new Error("it is not a file");
    if (info.size > INPUT_BYTES_MAX) {
      throw new Error(
        `it has ${info.size} bytes, and the limit for an input is ${INPUT_BYTES_MAX}`,
      );
    }
    const identity = fileIdentity(path, info);
    return { kind: "found", index, name, path, bytes: info.size, identity };
  } catch (error) {
    return unreadable(file, error);
  }
}

function readBatch(
  batch: readonly (FoundFile | SkippedTask | UnreadableTask)[],
): Promise<SourceTask[]> {
  return Promise.all(batch.map((file) => file.kind === "found" ? readFound(file) : file));
}

async function readFound(file: FoundFile): Promise<ReadyTask | UnreadableTask> {
  const { index, name, path, identity } = file;
  try {
    return { kind: "ready", index, name, identity, input: await readInput(path) };
  } catch (error) {
    return unreadable(file, error);
  }
}

function unreadable(
  { index, name, path }: { index: number; name: string; path: string },
  error: unknown,
): UnreadableTask {
  const reason = `cannot read "${path}": ${reasonOf(error)}`;
  return { kind: "unreadable", index, name, reason };
}

async function readInput(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const content = await readFile(path);
  return new Uint8Array(content.buffer as ArrayBuffer, content.byteOffset, content.byteLength);
}
