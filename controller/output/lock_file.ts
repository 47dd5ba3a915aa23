/** The lock file: its content, which names the holder, and how it is created. */

import { link, open, readFile } from "node:fs/promises";
import os from "node:os";
import process from "node:process";
import { nativePath } from "../../runtime/native_path.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { isGone, PID_NAMESPACE, type ProcessId, startOf } from "./process_id.ts";

/** The error codes of file systems without hard links. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

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

/** Whether the text names a process that has certainly ended. */
export function isStale(text: string): boolean {
  const holder = holderIn(text);
  return holder !== undefined && isGone(holder);
}

/** A file's text; `undefined` if there is no such file. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(nativePath(path), "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Creates a file and syncs it to the disk: after a power failure, an empty lock would look damaged. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(nativePath(path), "wx");
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Creates `path` atomically with the text of the file `source`. Returns false if `path` exists. */
export async function createFrom(source: string, path: string, text: string): Promise<boolean> {
  try {
    await link(nativePath(source), nativePath(path));
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST" || codeOf(error) === "ENOENT") return false;
    if (!NO_LINKS.has(codeOf(error))) throw error;
  }
  try {
    await writeDurably(path, text);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? "";
}
