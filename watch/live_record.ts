/**
 * Where a run can be asked, as a file beside its journal: so that another terminal finds it by its outputs. The file of a
 * run that was killed does no harm: nobody answers at its socket, and the next run replaces it.
 */

import os from "node:os";
import process from "node:process";
import { codeOf } from "../runtime/error_text.ts";
import type { FolderFiles } from "../runtime/files/files_below.ts";
import { join } from "../runtime/files/path.ts";

/** The file, in the folder of the journal. */
const NAME = "live.json";

/** The file before it is whole. */
const UNFINISHED = `${NAME}.new`;

/** No such file is longer. */
const BYTES_MAX = 4 * 1024;

/** Where a run can be asked. */
export interface LiveRecord {
  readonly host: string;
  readonly uid: number;
  readonly pid: number;
  /** The absolute path of its socket. */
  readonly socket: string;
  /** How many jobs no earlier run has finished, once the inputs are counted: for those who look after a kill. */
  readonly toRun?: number | undefined;
}

/** Writes the file, in the place of that of an earlier run. The run holds the lock of its outputs. */
export async function writeLiveRecord(
  files: FolderFiles,
  state: string,
  socket: string,
  toRun?: number,
): Promise<void> {
  const record: LiveRecord = {
    host: os.hostname(),
    uid: process.geteuid?.() ?? 0,
    pid: process.pid,
    socket,
    toRun,
  };
  const path = join(state, NAME);
  const written = join(state, UNFINISHED);
  await removeIfThere(files, written);
  try {
    await files.create(written, `${JSON.stringify({ v: 1, ...record })}\n`);
    await files.rename(written, path);
  } catch (error) { // such as a full disk
    await removeIfThere(files, written);
    throw error;
  }
}

/** Removes the file, and what a run that was killed has written of it. The run holds the lock of its outputs. */
export async function removeLiveRecord(files: FolderFiles, state: string): Promise<void> {
  for (const name of [NAME, UNFINISHED]) await removeIfThere(files, join(state, name));
}

/** Reads the file; `undefined` if there is none, or none that makes sense. */
export async function readLiveRecord(
  files: FolderFiles,
  state: string,
): Promise<LiveRecord | undefined> {
  const bytes = new Uint8Array(BYTES_MAX);
  try {
    const file = await files.openToRead(join(state, NAME));
    try {
      return recordIn(new TextDecoder().decode(bytes.subarray(0, await file.read(bytes, 0))));
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

function recordIn(text: string): LiveRecord | undefined {
  try {
    const { host, uid, pid, socket, toRun } = JSON.parse(text) as Partial<LiveRecord>;
    const isRecord = typeof host === "string" && typeof socket === "string" &&
      Number.isSafeInteger(uid) && Number.isSafeInteger(pid);
    const known = Number.isSafeInteger(toRun) ? { toRun } : {};
    return isRecord ? { host, uid, pid, socket, ...known } as LiveRecord : undefined;
  } catch {
    return undefined; // it is still being written, or damaged
  }
}

async function removeIfThere(files: FolderFiles, path: string): Promise<void> {
  await files.unlink(path).catch((error) => {
    if (codeOf(error) !== "ENOENT") throw error;
  });
}
