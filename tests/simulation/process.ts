/**
 * A simulated process: it has a runtime of its own, whose clock, network and disk stop the moment it is killed.
 * The objects of a killed process stay in memory, but nothing ever calls them again.
 */

import type { Clock, Timer } from "../../runtime/clock.ts";
import type { ChildProcess, Runtime } from "../../runtime/ports.ts";
import { seededRandom } from "../lib/memory_network.ts";
import { systemOf } from "../lib/made_up_system.ts";
import type { Host } from "./network.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** A machine about which little more is known. */
const MADE_UP = systemOf({
  "/proc/meminfo": "MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\n",
});

/** How a process differs from others. */
export interface ProcessOptions {
  /** How it starts other processes, if it can. */
  readonly spawn?: Spawn;
  /** How long an operation on its disk takes, at most. */
  readonly diskMsMax?: number;
}

/** How a process starts others. */
export type Spawn = (process: SimulatedProcess, command: readonly string[]) => ChildProcess;

/** A process. */
export class SimulatedProcess {
  readonly runtime: Runtime;
  readonly host: Host;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #diskMsMax: number;
  /** What happens as soon as it runs again; undefined while it runs. */
  #deferred: (() => void)[] | undefined;
  /** What has to end with it: sockets and child processes. */
  readonly #endings = new Set<() => void>();
  /** How far its clock is from the time of the simulation. */
  #dateOffsetMs = 0;
  isAlive = true;

  constructor(timeline: Timeline, host: Host, random: Random, options: ProcessOptions = {}) {
    const { spawn, diskMsMax = 2 } = options;
    this.#diskMsMax = diskMsMax;
    this.#timeline = timeline;
    this.#random = random;
    this.host = host;
    const lacks = (what: string) => () => {
      throw new Error(`A simulated process has no ${what}`);
    };
    this.runtime = {
      name: "simulated",
      clock: this.#clock(),
      random: seededRandom(random.integer(0, 2 ** 31)),
      system: MADE_UP,
      files: host.disk.filesFor(() => this.#diskTime()),
      dial: (address, timeoutMs) => host.dial(this, address, timeoutMs),
      listen: (address) => host.listen(this, address),
      spawn: (command) => spawn ? spawn(this, command) : lacks("child processes")(),
      stdio: lacks("stdio"),
      writeStderr: lacks("stderr"),
      selfCommand: () => ["distcomp"],
      openCore: lacks("compute cores"),
      openCoreProcess: lacks("compute cores"),
      openSlotChannel: lacks("slots"),
    };
  }

  /** Kills it: nothing of it runs any more. */
  kill(): void {
    this.isAlive = false;
    this.#deferred = undefined;
    for (const end of [...this.#endings]) end();
    this.#endings.clear();
  }

  /** Stops it for a while, as SIGSTOP or a busy machine does. */
  stall(ms: number): void {
    this.#deferred ??= [];
    this.#timeline.after(ms, () => this.#resume());
  }

  /** Sets its wall clock forward or back. */
  jumpClock(ms: number): void {
    this.#dateOffsetMs += ms;
  }

  /** Calls `action` now, when it runs again, or never. */
  whenRunning(action: () => void): void {
    if (!this.isAlive) return;
    if (this.#deferred) this.#deferred.push(action);
    else action();
  }

  /** Calls `end` if this process is killed. Returns a function that takes that back. */
  onKilled(end: () => void): () => void {
    this.#endings.add(end);
    return () => void this.#endings.delete(end);
  }

  #resume(): void {
    const deferred = this.#deferred;
    this.#deferred = undefined;
    if (!deferred || !this.isAlive) return;
    for (const action of deferred) this.#timeline.after(0, () => this.whenRunning(action));
  }

  #diskTime(): Promise<void> {
    const ms = this.#random.between(0, this.#diskMsMax);
    return new Promise((resolve) => this.#timeline.after(ms, () => this.whenRunning(resolve)));
  }

  #clock(): Clock {
    return {
      now: () => this.#timeline.nowMs,
      date: () => this.#timeline.nowMs + this.#dateOffsetMs,
      after: (ms, action) => this.#timer(ms, action, undefined),
      every: (ms, action) => this.#timer(ms, action, ms),
      nextTurn: () => new Promise((resolve) => void this.#timer(0, resolve, undefined)),
    };
  }

  #timer(ms: number, action: () => void, everyMs: number | undefined): Timer {
    let isStopped = false;
    const run = () => {
      if (isStopped) return;
      if (everyMs !== undefined) event = this.#timeline.after(everyMs, due);
      action();
    };
    const due = () => this.whenRunning(run);
    let event = this.#timeline.after(ms, due);
    return {
      stop: () => {
        isStopped = true;
        event.action = undefined;
      },
    };
  }
}
