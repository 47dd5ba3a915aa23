/** Lets other terminals find a run and ask it. Whatever fails here does not concern the run. */

import process from "node:process";
import { reasonOf } from "../runtime/error_text.ts";
import type { FolderFiles } from "../runtime/files/files_below.ts";
import type { Timer } from "../runtime/clock.ts";
import type { Runtime } from "../runtime/ports.ts";
import type { Log } from "../system/log.ts";
import { removeLiveRecord, writeLiveRecord } from "./live_record.ts";
import { LiveSocket } from "./live_socket.ts";
import type { RunJobs, RunSnapshot } from "./snapshot.ts";

/** A run that is over sooner is asked by nobody, and does not pay for a socket. */
const AFTER_MS = 200;

/** How often a run that still counts its inputs looks whether it has counted all. */
const COUNT_MS = 1_000;

/** What makes a run visible. */
export interface LiveParts {
  readonly runtime: Pick<Runtime, "listen" | "dial" | "clock" | "random">;
  readonly snapshot: () => RunSnapshot;
  /** The folder of the journal, and how files in it are written. */
  readonly state: string;
  readonly files: FolderFiles;
  readonly log: Log;
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** A run that can be asked, soon after it has begun and until it is closed. */
export class LiveRun {
  readonly #parts: LiveParts;
  #timer: Timer;
  #socket: LiveSocket | undefined;
  #opening: Promise<void> | undefined;

  constructor(parts: LiveParts) {
    this.#parts = parts;
    this.#timer = parts.runtime.clock.after(AFTER_MS, () => {
      if (knowsOwnUser()) this.#opening = this.#open();
    });
  }

  /** Before the lock of the outputs is released: the next run writes a record of its own. */
  async close(): Promise<void> {
    this.#timer.stop();
    await this.#opening;
    this.#timer.stop(); // it may have got another one meanwhile
    this.#socket?.close();
    const { files, state } = this.#parts;
    await removeLiveRecord(files, state).catch(() => {}); // also that of a run that was killed
  }

  async #open(): Promise<void> {
    const { runtime, snapshot, variables, log } = this.#parts;
    try {
      this.#socket = LiveSocket.open(runtime, snapshot, variables, log);
      await this.#write(this.#socket.path);
    } catch (error) {
      log.info(`other terminals cannot look at this run: ${reasonOf(error)}`);
    }
  }

  /** Once more when the inputs are counted. */
  async #write(socket: string): Promise<void> {
    const { runtime, snapshot, files, state } = this.#parts;
    const toRun = toRunOf(snapshot().jobs);
    await writeLiveRecord(files, state, socket, toRun);
    if (toRun === undefined) {
      this.#timer = runtime.clock.after(COUNT_MS, () => this.#rewrite(socket));
    }
  }

  #rewrite(socket: string): void {
    if (toRunOf(this.#parts.snapshot().jobs) === undefined) {
      this.#timer = this.#parts.runtime.clock.after(COUNT_MS, () => this.#rewrite(socket));
    } else this.#opening = this.#write(socket).catch(() => {}); // the one without the number stays
  }
}

/** How many jobs the run has to run; `undefined` until its inputs are counted. */
function toRunOf({ total, done, failed, skipped, running, waiting }: RunJobs): number | undefined {
  return total === null ? undefined : done + failed - skipped + running + waiting;
}

/** An executable without this permission cannot tell whose a socket is. It says nothing of it in each run. */
function knowsOwnUser(): boolean {
  try {
    return process.geteuid !== undefined && process.geteuid() >= 0;
  } catch {
    return false;
  }
}
