/** The lock file: its content, which names the holder, and how it is created. */

import os from "node:os";
import process from "node:process";
import { codeOf } from "../../runtime/error_text.ts";
import type { FolderFiles } from "../../runtime/files/files_below.ts";
import { dirname, join } from "../../runtime/files/path.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { chunksOf } from "./file_chunks.ts";
import { isGone, MACHINE, PID_NAMESPACE, type ProcessId, startOf } from "./process_id.ts";
import { JOURNAL } from "./state_folder.ts";

/** The error codes of file systems without hard links. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/** A lock is some hundred bytes long. Of a longer file, no more is read. */
const TEXT_BYTES_MAX = 64 * 1024;

/** The process that holds a lock. */
export interface LockHolder extends ProcessId {
  /** When it acquired the lock, for the user. */
  readonly since: string;
}

/** The text of a new lock that this process holds. The token makes it unique. */
export function newLockText({ clock, random }: Pick<Runtime, "clock" | "random">): string {
  const holder: LockHolder = {
    pid: process.pid,
    host: os.hostname(),
    start: startOf(process.pid),
    space: PID_NAMESPACE,
    machine: MACHINE,
    since: new Date(clock.date()).toISOString(),
  };
  return `${JSON.stringify({ ...holder, token: random.hex(16) })}\n`;
}

/** The holder that a lock's text names; `undefined` if the text is damaged. */
export function holderIn(text: string): LockHolder | undefined {
  try {
    const holder = JSON.parse(text) as Partial<LockHolder>;
    const isHolder = Number.isSafeInteger(holder.pid) && typeof holder.host === "string";
    return isHolder ? holder as LockHolder : undefined;
  } catch {
    return undefined; // the caller reports the damage
  }
}

/**
 * Whether the text of the lock at `path` names a process that has certainly ended. `nowMs` is the time that a file
 * written now would have. The clock of a file server may show another time than that of this machine.
 */
export async function isStale(
  files: FolderFiles,
  path: string,
  text: string,
  nowMs: number,
): Promise<boolean> {
  const holder = holderIn(text);
  if (!holder) return false;
  // Only the holder of the lock writes to the journal.
  const written = [path, join(dirname(path), JOURNAL)].map((file) => modifiedAtMs(files, file));
  return isGone(holder, nowMs - Math.max(...await Promise.all(written)));
}

/** 0 if there is no such file, and `NaN` if that cannot be seen. */
async function modifiedAtMs(files: FolderFiles, path: string): Promise<number> {
  try {
    return (await files.info(path)).modifiedAtMs;
  } catch (error) {
    return codeOf(error) === "ENOENT" ? 0 : NaN;
  }
}

/** A file's text; `undefined` if there is no such file. */
export async function readText(files: FolderFiles, path: string): Promise<string | undefined> {
  try {
    for await (const chunk of chunksOf(files, path, 0, TEXT_BYTES_MAX)) return chunk.toString();
    return "";
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Creates a file and syncs it to the disk: after a power failure, an empty lock would look damaged. */
export async function writeDurably(
  files: FolderFiles,
  path: string,
  text: string,
): Promise<void> {
  await files.create(path, text);
  const file = await files.openToAppend(path, false);
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Creates `path` atomically with the text of the file `source`. Returns false if `path` exists. */
export async function createFrom(
  files: FolderFiles,
  source: string,
  path: string,
  text: string,
): Promise<boolean> {
  try {
    await files.link(source, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST" || codeOf(error) === "ENOENT") return false;
    if (!NO_LINKS.has(codeOf(error))) throw error;
  }
  try {
    await writeDurably(files, path, text);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    await files.unlink(path).catch(() => {}); // a full disk may have kept a part of it
    throw error;
  }
}
