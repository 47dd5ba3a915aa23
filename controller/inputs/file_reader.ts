/** Reads input files: several at once, within a limit of bytes. */

import { JOB_PREFIX_BYTES, PAYLOAD_BYTES_MAX_DEFAULT } from "../../protocol/mod.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import type { Files } from "../../runtime/files.ts";
import type { FinishedJobs, IdentifiedInput } from "../output/finished_jobs.ts";
import { contentIdentity, contentIdentityOf, fileIdentity } from "./identity.ts";
import type { IndexedFile } from "./listed_file.ts";
import { skipFinished } from "./skip.ts";
import type { OutputNaming } from "./output_naming.ts";
import type {
  InputNote,
  ReadyTask,
  SkippedTask,
  Source,
  SourceTask,
  UnreadableTask,
} from "./source.ts";

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

/** How files are read. */
export interface FileReading {
  readonly files: Files;
  /** Finished jobs are skipped. */
  readonly finished?: FinishedJobs | undefined;
  /** Whether the content of a file decides if it has changed, and not its times. */
  readonly comparesContent?: boolean | undefined;
  readonly naming?: OutputNaming | undefined;
}

/** Reads a few files (`READS_MAX`), without those of finished jobs. */
export async function* readFiles(
  files: readonly IndexedFile[],
  reading: FileReading,
): Source["batches"] {
  let batch: (FoundFile | SkippedTask | UnreadableTask)[] = [];
  let batchBytes = 0;
  for (const file of await findFiles(files, reading)) {
    batch.push(file);
    if (file.kind === "found") batchBytes += file.bytes;
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
    if (path.includes("\0")) {
      throw new Error("it contains a zero byte; list one name per line, or use -0");
    }
    const info = await files.target(path);
    // Checked before the file is opened: opening a pipe that nobody writes to would wait forever.
    if (info.kind !== "file") throw new Error("it is not a file");
    if (info.bytes > INPUT_BYTES_MAX) {
      throw new Error(
        `it has ${info.bytes} bytes, and the limit for an input is ${INPUT_BYTES_MAX}`,
      );
    }
    const identity = fileIdentity(path, info);
    const content = comparesContent && finished ? await contentIdentityOf(files, path) : undefined;
    return { kind: "found", index, name, path, bytes: info.bytes, identity, content };
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
  const { index, name, path, identity } = file;
  try {
    const input = await reading.files.content(path);
    return { kind: "ready", index, name, identity, input, note: noteOf(path, input, reading) };
  } catch (error) {
    return unreadable(file, error);
  }
}

function noteOf(
  path: string,
  input: Uint8Array,
  { comparesContent = false, naming }: FileReading,
): InputNote | undefined {
  const isRenamed = !(naming?.isSame ?? true);
  if (!comparesContent && !isRenamed) return undefined;
  return {
    ...(isRenamed ? { file: path } : {}),
    // Of what was read, as the file may have changed since it was compared.
    ...(comparesContent ? { content: contentIdentity(input) } : {}),
  };
}

function unreadable(
  { index, name, path }: { index: number; name: string; path: string },
  error: unknown,
): UnreadableTask {
  const reason = `cannot read "${path}": ${reasonOf(error)}`;
  return { kind: "unreadable", index, name, reason };
}
