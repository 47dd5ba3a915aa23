/** Keeps as many workers in a batch system as there should be: submits some, and cancels those that wait in vain. */

import type { Clock } from "../runtime/clock.ts";
import { pause } from "../system/pause.ts";
import { BatchError } from "./batch_error.ts";
import type { BatchWorkers } from "./batch_workers.ts";
import type { Demand } from "./demand.ts";

/** How often it is asked how many there should be, while there are none: somebody has just typed a command. */
const EARLY_MS = 1_000;

/** The same while there are some. */
const DEMAND_MS = 5_000;

/** How often the batch system is asked. Many users ask it, and its administrators ask for patience. */
const POLL_MS = 15_000;

/** What the user is told. */
export interface KeeperEvents {
  onSubmitted(count: number): void;
  onCanceled(count: number): void;
  /** The batch system has refused to submit or to cancel some for now. It is asked again later. */
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
  /** Whether the batch system has refused something at the last try, or has not answered. */
  #isAway = false;

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
      if (isDue) {
        this.#isAway = false;
        await this.#look();
      }
      const wanted = await this.#demand.look(this.#workers);
      if (ending.aborted || wanted === undefined) return;
      if (isDue) await this.#adjust(wanted);
      await pause(this.#clock, this.#pauseMs(), ending);
    }
  }

  async #look(): Promise<void> {
    if (this.#workers.alive === 0) return;
    this.#isAway = !await this.#workers.look();
    this.#events.onLooked();
  }

  async #adjust(wanted: number): Promise<void> {
    const missing = wanted - this.#workers.alive;
    if (missing > 0) await this.#submit(missing);
    else if (missing < 0) await this.#cancel(-missing);
    if (this.#isAway || !this.#isEarly) this.#lookAtMs = this.#clock.now() + POLL_MS;
  }

  async #submit(count: number): Promise<void> {
    const error = await this.#workers.trySubmit(count);
    if (error) this.#onRefused(error);
    else this.#events.onSubmitted(count);
  }

  /** Workers that wait in vain do no harm, so none of them is worth the end of the others. */
  async #cancel(count: number): Promise<void> {
    try {
      const canceled = await this.#workers.cancelWaiting(count);
      if (canceled > 0) this.#events.onCanceled(canceled);
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
      this.#onRefused(error);
    }
  }

  #onRefused({ message }: BatchError): void {
    this.#isAway = true;
    this.#events.onRefused(message);
  }

  /** Whether there is none yet, or the first one, of which nothing is known. */
  get #isEarly(): boolean {
    return this.#workers.ended === 0 && this.#workers.slotsEach === undefined;
  }

  #pauseMs(): number {
    return this.#isEarly ? EARLY_MS : DEMAND_MS;
  }
}
