/** Sees to it that a worker process that was started connects: one that hangs before would be awaited for ever. */

import type { Clock, Timer } from "../../runtime/clock.ts";
import type { ProcFiles } from "../../runtime/proc_files.ts";
import type { Child } from "../../system/child.ts";
import type { LocalWorkerStart } from "./local_worker_options.ts";
import { STOPPED } from "./worker_exit.ts";

/**
 * A process that starts computes, or waits for a CPU or a disk, for as long as a busy machine takes. One that has done
 * nothing but sleep for this time hangs, unless it opens folders: one that waits for FUSE seems to sleep, too.
 */
const ASLEEP_MS_MAX = 30_000;

/**
 * A start takes half a second of a CPU: no machine is so busy that it takes longer than this. The limit is for a worker
 * that hangs and uses a CPU, and for where the system does not tell, such as on macOS, or on Deno without all permissions.
 */
const START_MS_MAX = 2 * 60_000;

/** One that is closed before it has connected exits soon, too. It is killed after this time if it leaves nothing. */
export const START_EXIT_MS_MAX = 2_000;

/** How often the process is looked at: first when most workers have long connected. */
const LOOK_MS = 1_000;

/** Fields of `/proc/PID/stat` behind the state: the CPU times of the process, and of its children that have ended. */
const TIMES = { from: 10, to: 14 };

/** What is needed to watch a process. */
interface Ports {
  readonly clock: Clock;
  readonly system: ProcFiles;
  /** Whether somebody accepts its connection. Before that, it waits in a queue and is not seen. */
  readonly isAwaited: () => boolean;
}

/**
 * Kills one worker process that does not connect. Time counts by looks: while this process stands still, because it
 * computes or is stopped, it would not see a connection either.
 */
export class WorkerStart {
  readonly #child: Child;
  /** Whether it opens folders that the user has named, which may be on a file server that stalls. */
  readonly #opensFolders: boolean;
  readonly #ports: Ports;
  #timer: Timer | undefined;
  #waitedMs = 0;
  #asleepMs = 0;
  #times = "";
  /** It has connected at least once. */
  hasConnected = false;
  /** Why it was killed. */
  problem: string | undefined;

  constructor(child: Child, { shares, dumpsFolder }: LocalWorkerStart, ports: Ports) {
    this.#child = child;
    this.#opensFolders = shares.workdir !== undefined || dumpsFolder !== undefined;
    this.#ports = ports;
    this.#lookLater();
    void child.settled.then(() => this.#timer?.stop());
  }

  onConnected(): void {
    this.hasConnected = true;
    this.#timer?.stop();
  }

  /** Whether it has not connected, and does nothing for that. */
  get hangs(): boolean {
    return !this.hasConnected && (this.problem !== undefined || this.#asleepMs > 0);
  }

  /** Whether it can be killed: it has not connected, and has made no folder that only it would remove. */
  get leavesNothing(): boolean {
    return !this.hasConnected && !this.#opensFolders;
  }

  #lookLater(): void {
    this.#timer = this.#ports.clock.after(LOOK_MS, () => this.#look());
  }

  #look(): void {
    if (this.#ports.isAwaited()) this.#count();
    if (this.#asleepMs >= ASLEEP_MS_MAX) this.#end(ASLEEP_MS_MAX);
    else if (this.#waitedMs >= START_MS_MAX) this.#end(START_MS_MAX);
    else this.#lookLater();
  }

  #count(): void {
    const { system } = this.#ports;
    const folder = `/proc/${this.#child.pid}`;
    const [state = "", ...fields] = statIn(folder, system);
    if (STOPPED.has(state)) return;
    const times = fields.slice(TIMES.from, TIMES.to).join(" ");
    const threads = system.names(`${folder}/task`).map((id) => `${folder}/task/${id}`);
    const isAsleep = !this.#opensFolders && times === this.#times &&
      [folder, ...threads].every((thread) => statIn(thread, system)[0] === "S");
    this.#times = times;
    this.#waitedMs += LOOK_MS;
    this.#asleepMs = isAsleep ? this.#asleepMs + LOOK_MS : 0;
  }

  #end(afterMs: number): void {
    this.problem = `did not connect within ${afterMs / 1000}s`;
    this.#child.kill();
  }
}

/** The state, and the fields behind it. The name of the program in front, in parentheses, may have any characters. */
function statIn(folder: string, system: ProcFiles): readonly string[] {
  const stat = system.text(`${folder}/stat`) ?? "";
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}
