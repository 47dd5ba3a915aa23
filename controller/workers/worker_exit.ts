/** Sees to it that a worker process which has no connection left ends: one that hangs would hold up its run. */

import type { Clock, Timer } from "../../runtime/clock.ts";
import { onClose } from "../../runtime/on_close.ts";
import type { ByteStream, ProcessEnd } from "../../runtime/ports.ts";
import type { ProcFiles } from "../../runtime/proc_files.ts";
import type { Child } from "../../system/child.ts";
import type { Log } from "../../system/log.ts";

/** A worker that has been disconnected unloads its cores and exits. After this time it is killed. */
export const EXIT_MS_MAX = 10_000;

/** What the system says a process does. */
const STATE = /^State:\s+(\S)/m;

/** Somebody has stopped the process, or debugs it: it will go on. */
export const STOPPED: ReadonlySet<string> = new Set(["T", "t"]);

/** What is needed to watch a process. */
interface Ports {
  readonly clock: Clock;
  readonly system: ProcFiles;
  readonly log: Log;
}

/**
 * Kills one worker process that hangs: some time after its last connection was closed. Where the system does not tell a
 * process that hangs from one that is stopped, as on macOS, it is left alone, too.
 */
export class WorkerExit {
  readonly #child: Child;
  readonly #ports: Ports;
  #connections = 0;
  #timer: Timer | undefined;
  #isOver = false;
  #hasWarned = false;

  constructor(child: Child, ports: Ports) {
    this.#child = child;
    this.#ports = ports;
    void child.settled.then(() => this.stop());
  }

  /** The worker has one more connection. */
  onConnected(stream: ByteStream): void {
    this.#connections += 1;
    this.#timer?.stop();
    onClose(stream, () => {
      this.#connections -= 1;
      if (this.#connections === 0) this.#await();
    });
  }

  /** The process has ended, or somebody else waits for that. */
  stop(): void {
    this.#isOver = true;
    this.#timer?.stop();
  }

  #await(): void {
    if (!this.#isOver) this.#timer = this.#ports.clock.after(EXIT_MS_MAX, () => this.#onLate());
  }

  #onLate(): void {
    const { system, log } = this.#ports;
    const { pid } = this.#child;
    const state = STATE.exec(system.text(`/proc/${pid}/status`) ?? "")?.[1];
    if (state !== undefined && !STOPPED.has(state)) {
      log.warn(`the worker on this machine hangs; killing its process ${pid}`);
      return void this.#child.kill();
    }
    if (!this.#hasWarned) {
      const ifHung = state ? "" : `; to replace it: kill -KILL ${pid}`;
      const is = state ? "is stopped" : "is stopped or hangs";
      log.warn(`the worker on this machine ${is}; to continue it: kill -CONT ${pid}${ifHung}`);
    }
    this.#hasWarned = true;
    this.#await();
  }
}

/** How a worker process has ended, for messages. */
export function describeEnd(end: ProcessEnd): string {
  return end.signal ? `was killed by ${end.signal}` : `exited with status ${end.exitCode}`;
}

/** It had no connection left, or never one. */
export const LEFT = describeEnd({ exitCode: 0 });
