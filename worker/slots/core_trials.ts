/**
 * Tries a core before its jobs run: in one slot, so that a bad core costs only one. If that takes long, the other
 * free slots load the core meanwhile.
 */

import type { EndpointId } from "../../pool/types.ts";
import type { Pool } from "../../pool/pool.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { StoredCore } from "../cores/core_store.ts";
import type { RelayedJob } from "../job.ts";
import type { CoreLoads } from "./core_loads.ts";
import type { CoreProbes } from "./core_probes.ts";
import type { Slots } from "./slots.ts";

/** A core that has not failed by then probably works. Then the other slots begin, so that all are ready together. */
const OTHERS_MS = 1_000;

/** How long a trial waits for a slot whose process is starting. Usually that takes a tenth of a second. */
const START_MS = 2_000;

/** What trials work with. */
export interface TrialContext {
  readonly pool: Pool<RelayedJob>;
  readonly slots: Slots;
  readonly probes: CoreProbes;
  readonly loads: CoreLoads;
  readonly clock: Clock;
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
    const { pool, slots, probes, loads, clock } = this.#context;
    if (slots.holding(core.key).length > 0) return;
    const free = pool.freeEndpoint() ?? await this.#firstUp();
    if (free === undefined) return await probes.load(core, abandoned);
    abandoned.throwIfAborted();
    const slot = slots.at(free);
    const abandon = () => slot?.abandonLoad();
    abandoned.addEventListener("abort", abandon);
    const timer = clock.after(OTHERS_MS, () => this.#loadOthers(core));
    try {
      pool.load(free, core.key);
      await loads.outcomeAt(free);
    } finally {
      timer.stop();
      abandoned.removeEventListener("abort", abandon);
    }
  }

  #loadOthers({ key }: StoredCore): void {
    const { pool } = this.#context;
    for (const endpoint of pool.emptyEndpoints()) pool.load(endpoint, key);
  }

  /** A free slot, as soon as there is one of those that are starting now. */
  async #firstUp(): Promise<EndpointId | undefined> {
    const { pool, slots, clock } = this.#context;
    const late = new AbortController();
    const timer = clock.after(START_MS, () => {
      late.abort();
      this.onUp();
    });
    while (slots.areStarting && !late.signal.aborted && pool.freeEndpoint() === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await promise;
      this.#waiting.delete(resolve);
    }
    timer.stop();
    return pool.freeEndpoint();
  }
}
