/** Keeps as many workers in a batch system as there should be: submits some, and cancels those that wait in vain. */

import type { Clock } from "../runtime/clock.ts";
import { pause } from "../system/pause.ts";
import type { BatchWorkers } from "./batch_workers.ts";
import type { Demand } from "./demand.ts";

/** How often it is asked how many there should be, while there are none: somebody has just typed a command. */
const EARLY_MS = 1_000;

/** The same while there are some. */
const DEMAND_MS = 5_000;

/** How often the batch system is asked. Many users ask it, and its administrators ask for patience. */
const LOOK_MS = 15_000;

/** What the user is told. */
export interface KeeperEvents {
  onSubmitted(count: number): void;
  onCanceled(count: number): void;
  /** The batch system has refused some, and others are left. */
  onRefused(reason: string): void;
  /** As often as they were looked at. */
  onLooked(): void;
}

/** Keeps workers until none is needed any more. */
export class BatchKeeper {
  readonly #clock: Clock;
  readonly #workers: BatchWorkers;
  readonly #demand: Demand;
  readonly #events: KeeperEvents;
  #lookAtMs = -Infinity;

  constructor(clock: Clock, workers: BatchWorkers, demand: Demand, events: KeeperEvents) {
    this.#clock = clock;
    this.#workers = workers;
    this.#demand = demand;
    this.#events = events;
  }

  /**
   * Resolves when no worker is needed any more, or when the signal aborts. Rejects with a `BatchError` if there can be
   * none.
   */
  async keep(ending: AbortSignal): Promise<void> {
    while (!ending.aborted) {
      const isDue = this.#clock.now() >= this.#lookAtMs;
      if (isDue) await this.#look();
      const wanted = await this.#demand.look(this.#workers);
      if (ending.aborted || wanted === undefined) return;
      if (isDue) await this.#adjust(wanted);
      await pause(this.#clock, this.#pauseMs(), ending);
    }
  }

  async #look(): Promise<void> {
    if (this.#workers.alive === 0) return;
    await this.#workers.look();
    this.#events.onLooked();
  }

  async #adjust(wanted: number): Promise<void> {
    const missing = wanted - this.#workers.alive;
    if (missing > 0) {
      const error = await this.#workers.trySubmit(missing);
      if (error) this.#events.onRefused(error.message);
      else this.#events.onSubmitted(missing);
    } else if (missing < 0) {
      const canceled = await this.#workers.cancelWaiting(-missing);
      if (canceled > 0) this.#events.onCanceled(canceled);
    }
    if (!this.#isEarly) this.#lookAtMs = this.#clock.now() + LOOK_MS;
  }

  /** Whether there is none yet, or the first one, of which nothing is known. */
  get #isEarly(): boolean {
    return this.#workers.ended === 0 && this.#workers.slotsEach === undefined;
  }

  #pauseMs(): number {
    return this.#isEarly ? EARLY_MS : DEMAND_MS;
  }
}
