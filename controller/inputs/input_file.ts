/** What every way to read an input file has in common: which files can be inputs, and what is said about them. */

import { HUGE_BLOB_BYTES_MAX } from "../../protocol/mod.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import type { FileMemory } from "../../runtime/files/direct_files.ts";
import type { Files, TargetInfo } from "../../runtime/files/files.ts";
import type { FinishedJobs } from "../output/finished_jobs.ts";
import type { OutputNaming } from "./output_naming.ts";
import type { InputNote, UnreadableTask } from "./source.ts";

/** How files are read. */
export interface FileReading {
  readonly files: Files;
  /** Finished jobs are skipped. */
  readonly finished?: FinishedJobs | undefined;
  /** Whether the content of a file decides if it has changed, and not its times. */
  readonly comparesContent?: boolean | undefined;
  readonly naming?: OutputNaming | undefined;
  /** Where inputs go. */
  readonly memory?: FileMemory | undefined;
}

/** Throws if no file can be at a path. */
export function checkPath(path: string): void {
  if (!path.includes("\0")) return;
  throw new Error("it contains a zero byte; list one name per line, or use -0");
}

/** Throws if a file cannot be an input. Checked before it is opened: opening a pipe would wait for its other end. */
export function checkTarget({ kind, bytes }: TargetInfo): void {
  if (kind === "folder") throw new Error("it is a folder; a list names files (find -type f)");
  if (kind !== "file") throw new Error("it is not a file");
  if (bytes <= HUGE_BLOB_BYTES_MAX) return;
  throw new Error("it is larger than 1 TiB, the limit for an input: cut it into several");
}

/**
 * What the journal says about a file beside its name and identity. `content` is the identity of what was read, if the
 * content is compared: the file may have changed since then.
 */
export function noteOf(
  path: string,
  { naming }: FileReading,
  content: string | undefined,
): InputNote | undefined {
  const isRenamed = !(naming?.isSame ?? true);
  if (content === undefined && !isRenamed) return undefined;
  return {
    ...(isRenamed ? { file: path } : {}),
    ...(content === undefined ? {} : { content }),
  };
}

/** The task of a file that cannot be read. */
export function unreadable(
  { index, name, path }: { index: number; name: string; path: string },
  error: unknown,
): UnreadableTask {
  const reason = `cannot read "${path}": ${reasonOf(error)}`;
  return { kind: "unreadable", index, name, reason };
}
