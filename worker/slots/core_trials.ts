/**
 * Tries a core before its jobs run: in one slot, so that a bad core costs only one. If that takes long, the other
 * free slots load the core meanwhile.
 */

import type { EndpointId } from "../../pool/types.ts";
import type { Pool } from "../../pool/pool.ts";
import type { Clock } from "../../runtime/clock.ts";
import { LoadError } from "../cores/load_error.ts";
import type { StoredCore } from "../cores/stored_core.ts";
import type { RelayedJob } from "../job.ts";
import type { CoreLoads } from "./core_loads.ts";
import type { TrialProcesses } from "./trial_processes.ts";
import type { Slots } from "./slots.ts";

/**
 * A core that has not failed by then probably works, and the other slots begin to load it, so that all are ready
 * together.
 */
const OTHERS_MS = 1_000;

/** How long a trial waits for a slot whose process is starting. Usually that takes a tenth of a second. */
const START_MS = 2_000;

/**
 * Slots count as in use for this long after their last job: on a busy machine, the next job of a run may come as late.
 * Otherwise somebody who sends cores without end would get every slot in such a moment.
 */
const USED_MS = 2_000;

/** What trials work with. */
export interface TrialContext {
  readonly pool: Pool<RelayedJob>;
  readonly slots: Slots;
  readonly processes: TrialProcesses;
  readonly loads: CoreLoads;
  readonly clock: Clock;
}

/** A core that a slot loads. */
interface Trial {
  readonly endpoint: EndpointId;
  readonly outcome: Promise<void> | undefined;
}

/** The trials of a worker. */
export class CoreTrials {
  readonly #context: TrialContext;
  readonly #waiting = new Set<() => void>();

  constructor(context: TrialContext) {
    this.#context = context;
  }

  /** A slot's process has started. */
  onUp(): void {
    for (const resume of this.#waiting) resume();
  }

  /**
   * Loads a core once: in a free slot, which keeps it, or in a process of its own while all slots are busy. Rejects
   * with the reason if it cannot be loaded.
   */
  async load(core: StoredCore, abandoned: AbortSignal): Promise<void> {
    const { slots, processes, clock } = this.#context;
    if (slots.holding(core.key).length > 0) return;
    const { problem } = this;
    if (problem !== undefined) throw new LoadError(problem);
    const trial = this.#begin(core) ?? await this.#beginInFirstUp(core, abandoned);
    if (!trial) return await processes.load(core, abandoned);
    const abandon = () => slots.at(trial.endpoint)?.abandonLoad();
    abandoned.addEventListener("abort", abandon);
    let gaveWay = false;
    const timer = clock.every(OTHERS_MS, () => {
      if (!this.#isWaitedFor) return this.#loadOthers(core);
      gaveWay = true;
      timer.stop(); // the load may take a while to end, and whoever waits may have left by then
      abandon();
    });
    try {
      await trial.outcome;
    } catch (error) {
      if (!gaveWay || abandoned.aborted) throw error;
    } finally {
      timer.stop();
      abandoned.removeEventListener("abort", abandon);
    }
    if (gaveWay) await processes.load(core, abandoned);
  }

  /** Why no job can run here, whatever its core is: no slot can be started. */
  get problem(): string | undefined {
    return this.#context.slots.problem(this.#context.clock.now());
  }

  /** Whether jobs run, or did until just now. */
  get areSlotsInUse(): boolean {
    const { pool, clock } = this.#context;
    return pool.counts().inFlight > 0 || pool.usedAtMs > clock.now() - USED_MS;
  }

  /** Whether jobs of other cores wait for a slot. Those of a core that is being tried are not in the pool. */
  get #isWaitedFor(): boolean {
    return this.#context.pool.counts().queued > 0;
  }

  /**
   * Has a free slot load the core, if there is one. Chosen and taken at once: other trials wait for a slot, too. A
   * slot that another core's jobs use is not taken between two of them.
   */
  #begin({ key }: StoredCore): Trial | undefined {
    const { pool, loads } = this.#context;
    if (this.#isWaitedFor) return undefined; // each slot that is free now gets one of the jobs that wait
    const [empty] = pool.emptyEndpoints();
    const endpoint = this.areSlotsInUse ? empty : pool.freeEndpoint();
    if (endpoint === undefined) return undefined;
    pool.load(endpoint, key);
    return { endpoint, outcome: loads.outcomeAt(endpoint) };
  }

  #loadOthers({ key }: StoredCore): void {
    const { pool } = this.#context;
    for (const endpoint of pool.emptyEndpoints()) pool.load(endpoint, key);
  }

  /** Begins in one of the slots that are starting now, as soon as one of them is up and free. */
  async #beginInFirstUp(core: StoredCore, abandoned: AbortSignal): Promise<Trial | undefined> {
    const { slots, clock } = this.#context;
    const late = new AbortController();
    const timer = clock.after(START_MS, () => {
      late.abort();
      this.onUp();
    });
    try {
      while (slots.areStarting && !late.signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#waiting.add(resolve);
        await promise;
        this.#waiting.delete(resolve);
        abandoned.throwIfAborted();
        const trial = this.#begin(core);
        if (trial) return trial;
      }
      return undefined;
    } finally {
      timer.stop();
    }
  }
}
