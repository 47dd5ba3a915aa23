/** Trials of cores while all slots are busy: each loads its core in a process of its own. */

import type { Clock } from "../../runtime/clock.ts";
import type { ProcFiles } from "../../runtime/proc_files.ts";
import type { StoredCore } from "../cores/stored_core.ts";
import type { Launcher } from "./processes/launcher.ts";
import { onCoreLoaded } from "./job_limits.ts";
import { type TrialPermit, TrialSemaphore } from "./trial_semaphore.ts";
import { ProcessLimit } from "./processes/process_limit.ts";

/** A trial gets the share of this slot, whose number a core may use to choose a device. */
const TRIAL_SLOT = 0;

/** What the trials work with. */
export interface TrialProcessContext {
  readonly launcher: Launcher;
  readonly clock: Clock;
  readonly system: ProcFiles;
  readonly coreLoadLimitMs: number;
  /** Aborts when no more processes may be started. */
  readonly closing: AbortSignal;
}

/** The trials of a worker that need a process of their own. */
export class TrialProcesses {
  readonly #context: TrialProcessContext;
  /** Killed processes that have not exited. */
  readonly #killed = new ProcessLimit();
  readonly #semaphore: TrialSemaphore;

  constructor(context: TrialProcessContext) {
    this.#context = context;
    this.#semaphore = new TrialSemaphore(context.clock);
  }

  /**
   * Loads the core in a new process, which is ended afterwards: again and again, if it has to give way to others
   * before it is loaded.
   */
  async load(core: StoredCore, abandoned: AbortSignal): Promise<void> {
    const unwanted = AbortSignal.any([abandoned, this.#context.closing]);
    for (let slices = 0;; slices++) {
      const permit = await this.#semaphore.acquire(slices, unwanted);
      try {
        return await this.#loadOnce(core, AbortSignal.any([abandoned, permit.revoked]), permit);
      } catch (error) {
        if (!permit.revoked.aborted || abandoned.aborted) throw error;
      } finally {
        permit.release();
      }
    }
  }

  async #loadOnce(core: StoredCore, abandoned: AbortSignal, permit: TrialPermit): Promise<void> {
    const { launcher, coreLoadLimitMs, system } = this.#context;
    await this.#waitForRoom(abandoned);
    const events = { onAnswer: () => {}, onLost: () => {} };
    const process = launcher.spawn("trial", TRIAL_SLOT, events, core, true);
    void process.killed.then(() => this.#killed.add(process));
    await process.connected;
    permit.onStarted();
    try {
      await process.load(core, core.initMs || coreLoadLimitMs, abandoned);
      onCoreLoaded(core, process, system);
    } finally {
      void launcher.end(process);
    }
  }

  /** Waits until few enough killed processes are left, at most as long as a core may take to load. */
  async #waitForRoom(abandoned: AbortSignal): Promise<void> {
    const { clock, coreLoadLimitMs, closing } = this.#context;
    const late = new AbortController();
    const timer = clock.after(coreLoadLimitMs, () => {
      late.abort(new Error(`${this.#killed.names} have not exited`));
    });
    try {
      await this.#killed.waitForRoom(AbortSignal.any([late.signal, abandoned, closing]));
    } finally {
      timer.stop();
    }
  }
}
