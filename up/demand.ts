/** How many workers a batch system should have, as time goes by. */

import type { Clock } from "../runtime/clock.ts";
import { BatchError } from "./batch_error.ts";
import { type OwnWorkers, type RunNeed, workersNeeded } from "./run_need.ts";

/** After the end of a run, its workers stay for this long: it may be resumed, or be followed by another one. */
const LINGER_MS = 30_000;

/** How many workers may end without having reached the run, and are replaced. After that, all would end like this. */
const UNREACHED_MAX = 3;

/** How long workers may run before one has reached the run: some seconds to start, and some tries. */
const REACH_MS = 60_000;

/** The workers, and how they have ended. */
export interface WorkersSeen extends OwnWorkers {
  /** How often it was looked how they are. */
  readonly looks: number;
  /** How many have ended. */
  readonly ended: number;
  /** Those among them that have found no work. */
  readonly idle: number;
}

/** How many workers there should be. */
export interface Demand {
  /** Resolves to how many should wait or run; to `undefined` when none is needed any more. */
  look(workers: WorkersSeen): Promise<number | undefined>;
}

/** As many as the user has asked for, until they have found no work: for a run that cannot be asked from here. */
export class FixedDemand implements Demand {
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  look({ idle }: WorkersSeen): Promise<number | undefined> {
    return Promise.resolve(idle < this.#count ? this.#count - idle : undefined);
  }
}

/** As many as a run needs, from when it is there until its end. */
export class RunDemand implements Demand {
  readonly #clock: Clock;
  readonly #countMax: number;
  readonly #ask: () => Promise<RunNeed | undefined>;
  readonly #onUnreached: (running: number) => void;
  #seenAtMs: number | undefined;
  /** Whether one of the workers has reached the run. */
  #isReached = false;
  /** The slots of the run before any of the workers ran. */
  #slotsBefore = 0;
  #slotsSeen = 0;
  #looksSeen = 0;
  #runningSinceMs: number | undefined;

  /**
   * `ask` resolves to what the run needs, or to `undefined` if there is none. `onUnreached` is called once if workers run
   * and none of them has connected.
   */
  constructor(
    clock: Clock,
    countMax: number,
    ask: () => Promise<RunNeed | undefined>,
    onUnreached: (running: number) => void,
  ) {
    this.#clock = clock;
    this.#countMax = countMax;
    this.#ask = ask;
    this.#onUnreached = onUnreached;
  }

  async look(workers: WorkersSeen): Promise<number | undefined> {
    const need = await this.#ask();
    const nowMs = this.#clock.now();
    if (need) return this.#onNeed(need, workers, nowMs);
    if (this.#seenAtMs === undefined) return 0;
    return nowMs - this.#seenAtMs < LINGER_MS ? workers.alive : undefined;
  }

  #onNeed(need: RunNeed, workers: WorkersSeen, nowMs: number): number {
    this.#seenAtMs = nowMs;
    this.#watchReached(need.slots, workers);
    const needed = workersNeeded(need, workers, this.#countMax);
    if (this.#isReached) return needed;
    this.#watchUnreached(workers, nowMs);
    const left = this.#countMax + UNREACHED_MAX - workers.ended;
    if (needed > 0 && left <= 0) {
      throw new BatchError("None of the submitted workers could connect to the run");
    }
    return Math.min(needed, left);
  }

  /**
   * The run has more slots than before any of the workers ran: one has reached it. Slots that were seen before a look
   * at which none ran belong to others.
   */
  #watchReached(slots: number, { alive, running, ended, looks }: WorkersSeen): void {
    if (running > 0 || ended > 0) {
      this.#slotsBefore = Math.min(this.#slotsBefore, slots); // others may leave
      this.#isReached ||= slots > this.#slotsBefore;
    } else if (alive === 0) this.#slotsBefore = slots;
    else if (looks > this.#looksSeen) this.#slotsBefore = this.#slotsSeen;
    this.#looksSeen = looks;
    this.#slotsSeen = slots;
  }

  #watchUnreached({ running }: WorkersSeen, nowMs: number): void {
    if (running === 0) return;
    this.#runningSinceMs ??= nowMs;
    if (nowMs - this.#runningSinceMs < REACH_MS) return;
    this.#runningSinceMs = Infinity;
    this.#onUnreached(running);
  }
}
