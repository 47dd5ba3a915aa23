/** Checks that cores load while all slots are busy: loads each in a process of its own, a probe. */

import type { Clock } from "../../runtime/clock.ts";
import type { StoredCore } from "../cores/core_store.ts";
import type { Launcher } from "./processes/launcher.ts";
import { type ProbeTurn, ProbeTurns } from "./probe_turns.ts";
import { ProcessLimit } from "./processes/process_limit.ts";

/** A probe gets the share of this slot, whose number a core may use to choose a device. */
const PROBED_SLOT = 0;

/** What the probes work with. */
export interface ProbeContext {
  readonly launcher: Launcher;
  readonly clock: Clock;
  readonly coreLoadLimitMs: number;
  /** Aborts when no more processes may be started. */
  readonly closing: AbortSignal;
}

/** The probes of a worker. */
export class CoreProbes {
  readonly #context: ProbeContext;
  /** Killed probes that have not exited. */
  readonly #killed = new ProcessLimit();
  readonly #turns: ProbeTurns;

  constructor(context: ProbeContext) {
    this.#context = context;
    this.#turns = new ProbeTurns(context.clock);
  }

  /**
   * Loads the core in a new process, which is ended afterwards: again and again, if it has to give way to others
   * before it is loaded.
   */
  async load(core: StoredCore, abandoned: AbortSignal): Promise<void> {
    const unwanted = AbortSignal.any([abandoned, this.#context.closing]);
    for (let turns = 0;; turns++) {
      const turn = await this.#turns.take(turns, unwanted);
      try {
        return await this.#loadOnce(core, AbortSignal.any([abandoned, turn.over]), turn);
      } catch (error) {
        if (!turn.over.aborted || abandoned.aborted) throw error;
      } finally {
        turn.end();
      }
    }
  }

  async #loadOnce(core: StoredCore, abandoned: AbortSignal, turn: ProbeTurn): Promise<void> {
    const { launcher, coreLoadLimitMs } = this.#context;
    await this.#waitForRoom(abandoned);
    const events = { onAnswer: () => {}, onLost: () => {} };
    const process = launcher.spawn("probe", PROBED_SLOT, events, core, true);
    void process.killed.then(() => this.#killed.add(process));
    await process.connected;
    turn.begin();
    try {
      await process.load(core, core.initMs || coreLoadLimitMs, abandoned);
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
