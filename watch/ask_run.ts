/** Asks a run of this user at its socket. */

import { lstatSync, type Stats } from "node:fs";
import process from "node:process";
import { codeOf, reasonOf } from "../runtime/error_text.ts";
import { getFromSocket } from "../runtime/network/http_client.ts";
import { SNAPSHOT_PATH } from "./handler.ts";
import { type RunSnapshot, SNAPSHOT_VERSION } from "./snapshot.ts";
import { pidOfSocket } from "./socket_name.ts";
import { StoppedProcessError, unlessStopped } from "./stopped_process.ts";

/** A run answers within milliseconds, unless its machine is very busy. */
const LIMITS = { timeoutMs: 5_000, bytesMax: 64 * 1024 * 1024 };

/** Nobody listens at the socket: the run has ended, or was killed. */
export class DeadRunError extends Error {
  override name = "DeadRunError";
}

/** The run cannot be asked, or cannot be understood. */
export class SilentRunError extends Error {
  override name = "SilentRunError";
}

/** What a run is doing. Rejects with a `DeadRunError` or a `SilentRunError`. */
export async function askRun(socket: string): Promise<RunSnapshot> {
  checkSocket(socket);
  let answer: { readonly status: number; readonly text: string };
  try {
    answer = await unlessStopped(
      () => pidOfSocket(socket),
      (signal) => getFromSocket(socket, SNAPSHOT_PATH, { ...LIMITS, signal }),
    );
  } catch (cause) {
    const code = codeOf(cause);
    if (code === "ECONNREFUSED" || code === "ENOENT") throw dead(socket);
    const run = cause instanceof StoppedProcessError ? "the run" : `the run at ${socket}`;
    throw new SilentRunError(`${run} does not answer: ${reasonOf(cause)}`, { cause });
  }
  const snapshot = answer.status === 200 ? snapshotIn(answer.text) : undefined;
  if (snapshot) return snapshot;
  throw new SilentRunError(`the run at ${socket} is of another version of distcomp`);
}

/** Others may put a socket where this user can find it, and would then be asked. */
function checkSocket(socket: string): void {
  let info: Stats | undefined;
  try {
    info = lstatSync(socket, { throwIfNoEntry: false });
  } catch (cause) {
    throw new SilentRunError(`cannot look at ${socket}: ${reasonOf(cause)}`, { cause });
  }
  if (!info) throw dead(socket);
  if (!info.isSocket()) throw new SilentRunError(`${socket} is not a socket`);
  if (info.uid !== process.geteuid?.()) {
    throw new SilentRunError(`${socket} is another user's (id ${info.uid})`);
  }
}

function dead(socket: string): DeadRunError {
  return new DeadRunError(`no run answers at ${socket}`);
}

function snapshotIn(text: string): RunSnapshot | undefined {
  try {
    const snapshot = JSON.parse(text) as Partial<RunSnapshot>;
    const isKnown = snapshot.v === SNAPSHOT_VERSION && snapshot.kind === "run";
    return isKnown ? snapshot as RunSnapshot : undefined;
  } catch {
    return undefined; // whoever asks is told that it makes no sense
  }
}
