/** Loads cores in processes of their own, to see whether that works, while all slots are busy. */

import type { Clock } from "../../runtime/clock.ts";
import type { StoredCore } from "../cores/core_store.ts";
import type { Launcher } from "./launcher.ts";
import { ProcessLimit } from "./process_limit.ts";

/** What it works with. */
export interface ProbeContext {
  readonly launcher: Launcher;
  readonly clock: Clock;
  readonly coreLoadLimitMs: number;
  /** Aborts when no more processes are to be started. */
  readonly closing: AbortSignal;
}

/** The probes of a worker. */
export class CoreProbes {
  readonly #context: ProbeContext;
  /**
   * The probes that were killed. Those at work are bounded for each controller instead: one whose cores hang
   * must not keep the others' from being checked.
   */
  readonly #killed = new ProcessLimit();

  constructor(context: ProbeContext) {
    this.#context = context;
  }

  /** Resolves when the core has been loaded, in a process that is gone soon after. */
  async load(core: StoredCore, abandoned: AbortSignal): Promise<void> {
    const { launcher, coreLoadLimitMs } = this.#context;
    await this.#vacancy(abandoned);
    const process = launcher.spawn("probe", { onAnswer: () => {}, onLost: () => {} });
    void process.killed.then(() => this.#killed.add(process));
    await process.connected;
    try {
      await process.load(core, coreLoadLimitMs, abandoned);
    } finally {
      void launcher.end(process);
    }
  }

  /** Waits until there are few enough killed processes, no longer than a core may take to load. */
  async #vacancy(abandoned: AbortSignal): Promise<void> {
    const { clock, coreLoadLimitMs, closing } = this.#context;
    const late = new AbortController();
    const timer = clock.after(coreLoadLimitMs, () => {
      late.abort(new Error(`${this.#killed.names} have not exited`));
    });
    try {
      await this.#killed.vacancy(AbortSignal.any([late.signal, abandoned, closing]));
    } finally {
      timer.stop();
    }
  }
}
