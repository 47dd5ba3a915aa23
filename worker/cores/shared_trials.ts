/**
 * Tries whether cores load before any job runs with them. Connections wait for the result, and share one trial of a
 * core.
 */

import type { CoreKey } from "../../pool/types.ts";
import { LoadError } from "./load_error.ts";
import type { StoredCore } from "./stored_core.ts";

/**
 * A core is refused after its process was killed from outside this often, because it may use up all memory, or
 * was told to end this often (SIGTERM), because it may send the signal itself.
 */
const LOADS_MAX: Readonly<Record<LoadError["kind"], number>> = {
  core: 1,
  abandoned: 1,
  damaged: 1,
  killed: 3,
  terminated: 10,
};

/** Loads a core once, in some process. Rejects if it cannot be loaded, or if the signal aborts. */
export type LoadOnce = (core: StoredCore, abandoned: AbortSignal) => Promise<void>;

/** Says what this machine lacks for a core. Each function gives a clause for a message, or `undefined`. */
export interface CoreNeeds {
  /** Why the core must not be loaded here. */
  beforeLoad(core: StoredCore): Promise<string | undefined>;
  /** Everything that was missing when loading the core failed for `reason`. */
  explain(core: StoredCore, reason: string): Promise<string | undefined>;
}

/** The trial of a core. */
interface SharedTrial {
  readonly result: Promise<void>;
  /** Aborts when no connection waits for it any longer. */
  readonly abandon: AbortController;
  waiting: number;
}

/** The trials that are under way. Connections that want the same core at the same time share one. */
export class SharedTrials {
  readonly #loadOnce: LoadOnce;
  readonly #needs: CoreNeeds | undefined;
  readonly #running = new Map<CoreKey, SharedTrial>();

  constructor(loadOnce: LoadOnce, needs?: CoreNeeds) {
    this.#loadOnce = loadOnce;
    this.#needs = needs;
  }

  /**
   * Resolves when the core has been loaded; rejects with the reason if it cannot be loaded. `gone` aborts when
   * the caller no longer waits. A trial without callers is abandoned: it may take minutes.
   */
  async passed(core: StoredCore, gone: AbortSignal): Promise<void> {
    gone.throwIfAborted();
    const trial = this.#running.get(core.key) ?? this.#start(core);
    trial.waiting += 1;
    const onGone = () => {
      trial.waiting -= 1;
      if (trial.waiting === 0) this.#abandon(core.key, trial, gone.reason);
    };
    gone.addEventListener("abort", onGone);
    try {
      await trial.result;
    } finally {
      gone.removeEventListener("abort", onGone);
    }
  }

  #start(core: StoredCore): SharedTrial {
    const abandon = new AbortController();
    const result = this.#needs
      ? this.#loadIfComplete(core, this.#needs, abandon.signal)
      : this.#loadUntilKnown(core, abandon.signal);
    const trial = { result, abandon, waiting: 0 };
    this.#running.set(core.key, trial);
    const forget = () => this.#forget(core.key, trial);
    void trial.result.then(forget, forget);
    return trial;
  }

  #forget(key: CoreKey, trial: SharedTrial): void {
    if (this.#running.get(key) === trial) this.#running.delete(key);
  }

  /** A connection that wants the core from now on has it tried anew. */
  #abandon(key: CoreKey, trial: SharedTrial, reason: unknown): void {
    this.#forget(key, trial);
    trial.abandon.abort(reason);
  }

  /** Does not load a core that this machine cannot run. Completes the reason why another does not load. */
  async #loadIfComplete(
    core: StoredCore,
    needs: CoreNeeds,
    abandoned: AbortSignal,
  ): Promise<void> {
    const lacking = await needs.beforeLoad(core);
    if (lacking !== undefined) throw new LoadError(lacking);
    abandoned.throwIfAborted();
    try {
      await this.#loadUntilKnown(core, abandoned);
    } catch (error) {
      if (!(error instanceof LoadError) || error.kind !== "core") throw error;
      const reason = await needs.explain(core, error.message);
      throw reason === undefined ? error : new LoadError(reason);
    }
  }

  /** If its process was killed or told to end from outside, the core may be fine, and is loaded again. */
  async #loadUntilKnown(core: StoredCore, abandoned: AbortSignal): Promise<void> {
    for (let loads = 1;; loads++) {
      try {
        return await this.#loadOnce(core, abandoned);
      } catch (error) {
        const loadsMax = error instanceof LoadError ? LOADS_MAX[error.kind] : 1;
        if (loads >= loadsMax || abandoned.aborted) throw error;
      }
    }
  }
}
