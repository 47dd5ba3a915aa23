/** Finds the run that belongs to an output folder or a pack, and all that run on this machine. */

import { readdirSync } from "node:fs";
import os from "node:os";
import process from "node:process";
import { holderIn, isStale, readText } from "../controller/output/lock_file.ts";
import type { FolderFiles } from "../runtime/files/files_below.ts";
import { join } from "../runtime/files/path.ts";
import { askRun, DeadRunError } from "./ask_run.ts";
import { readLiveRecord } from "./live_record.ts";
import type { RunSnapshot } from "./snapshot.ts";
import { socketFolders, socketParents } from "./socket_folder.ts";
import { isSocketName } from "./socket_name.ts";

/** Further runs are not asked. Nobody has so many on one machine. */
const RUNS_MAX = 200;

/** What is known about the run of some outputs. */
export type FoundRun =
  | { readonly kind: "live"; readonly socket: string; readonly snapshot: RunSnapshot }
  /** It runs, but cannot be asked from here; `reason` says why, and what to do. */
  | { readonly kind: "unreachable"; readonly reason: string }
  | OverRun;

/** No run uses the outputs now. */
export interface OverRun {
  readonly kind: "over";
  /** `killed`: it still has the lock of its outputs. */
  readonly end: "ended" | "killed";
  /** How many jobs one that was killed had to run, if that is known. */
  readonly toRun?: number | undefined;
}

/** Looks for the run whose journal is in `state`. `nowMs` is the wall-clock time. Rejects with a `SilentRunError`. */
export async function findRun(
  files: FolderFiles,
  state: string,
  nowMs: number,
): Promise<FoundRun> {
  const path = join(state, "lock");
  const lock = await readText(files, path);
  if (lock === undefined) return { kind: "over", end: "ended" };
  if (await isStale(files, path, lock, nowMs)) {
    return { kind: "over", end: "killed", toRun: await toRunOf(files, state, lock) };
  }
  const holder = holderIn(lock);
  if (!holder) {
    return unreachable(`its lock "${path}" is damaged; if no run goes on there, delete the lock`);
  }
  const { host, pid } = holder;
  const name = `process ${pid} on ${host}`;
  if (host !== os.hostname()) {
    return unreachable(
      `it is ${name}; ask there, or remove "${path}" if it has ended`,
    );
  }
  const record = await readLiveRecord(files, state);
  if (record?.pid !== pid) {
    return unreachable(`it is ${name}, which does not answer yet; try again`);
  }
  const { uid, socket } = record;
  if (uid !== ownId()) return unreachable(`it is ${name}, of another user (id ${uid})`);
  try {
    return { kind: "live", socket, snapshot: await askRun(socket) };
  } catch (error) {
    if (!(error instanceof DeadRunError)) throw error;
    return unreachable(
      `it is ${name}, which does not answer here; it may be ending, in another container, or on another machine of this name`,
    );
  }
}

/** How many jobs the last run had to run; `undefined` if it was not killed, or if it is not known. */
export async function toRunOfKilled(
  files: FolderFiles,
  state: string,
  nowMs: number,
): Promise<number | undefined> {
  const path = join(state, "lock");
  const lock = await readText(files, path);
  if (lock === undefined || !await isStale(files, path, lock, nowMs)) return undefined;
  return await toRunOf(files, state, lock);
}

/** What it has noted is its own if the lock is, too: the file may be of an earlier one. */
async function toRunOf(
  files: FolderFiles,
  state: string,
  lock: string,
): Promise<number | undefined> {
  const record = await readLiveRecord(files, state);
  const { pid, host } = holderIn(lock) ?? {};
  return record?.pid === pid && record?.host === host ? record?.toRun : undefined;
}

/** A run that answers. */
export interface LiveRunFound {
  readonly socket: string;
  readonly snapshot: RunSnapshot;
}

/** All runs of this user on this machine that answer, the oldest first, and why others do not. */
export async function findLiveRuns(
  variables: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly runs: readonly LiveRunFound[]; readonly problems: readonly string[] }> {
  const sockets = socketFolders(socketParents(variables)).flatMap(socketsIn).slice(0, RUNS_MAX);
  const problems: string[] = [];
  const found = await Promise.all(sockets.map(async (socket) => {
    try {
      return { socket, snapshot: await askRun(socket) };
    } catch (error) {
      if (!(error instanceof DeadRunError)) problems.push((error as Error).message);
      return undefined;
    }
  }));
  const runs = found.filter((run) => run !== undefined)
    .sort((one, other) => one.snapshot.startedAt - other.snapshot.startedAt);
  return { runs, problems };
}

function socketsIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => isSocketName(name))
      .map((name) => join(folder, name));
  } catch {
    return []; // the last run has just removed it
  }
}

function unreachable(reason: string): FoundRun {
  return { kind: "unreachable", reason };
}

function ownId(): number {
  return process.geteuid?.() ?? 0;
}
