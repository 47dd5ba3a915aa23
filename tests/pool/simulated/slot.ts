/** A slot's process: runs one job after the other, and may crash with one. */

import type { CoreKey, DispatchId } from "../../../pool/types.ts";
import type { Task } from "./plan.ts";
import type { Timeline } from "./timeline.ts";

/** A local socket and the two processes at its ends. */
const LATENCY_MS = 0.05;

/** Events for a slot's worker. The answers of a process arrive before its end. */
export interface SlotEvents {
  onAnswer(dispatch: DispatchId): void;
  onEnded(isByItself: boolean): void;
}

interface Work {
  readonly dispatch: DispatchId;
  readonly task: Task;
}

/** A simulated process. It loads one core, once. */
export class SimulatedSlot {
  readonly #timeline: Timeline;
  readonly #events: SlotEvents;
  readonly #answersAtOnce: number;
  readonly #waiting: Work[] = [];
  #unsaid: DispatchId[] = [];
  #isRunning = false;
  #onLoadEnd: ((isLoaded: boolean) => void) | undefined;
  isAlive = true;
  isFresh = true;
  core: CoreKey | undefined;

  constructor(timeline: Timeline, events: SlotEvents, answersAtOnce: number) {
    this.#timeline = timeline;
    this.#events = events;
    this.#answersAtOnce = answersAtOnce;
  }

  /** Loads a core, which takes some time; `onEnd` is called exactly once. */
  load(
    core: CoreKey,
    takesMs: number,
    succeeds: boolean,
    onEnd: (isLoaded: boolean) => void,
  ): void {
    this.isFresh = false;
    this.#onLoadEnd = onEnd;
    this.#later(takesMs, () => {
      this.#onLoadEnd = undefined;
      if (succeeds) this.core = core;
      this.#tell(() => onEnd(succeeds));
    });
  }

  send(dispatch: DispatchId, task: Task): void {
    this.#later(LATENCY_MS, () => {
      this.#waiting.push({ dispatch, task });
      this.#run();
    });
  }

  /** Ends at once. Its jobs are lost. */
  die(isByItself: boolean): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.#tell(() => {
      this.#events.onEnded(isByItself);
      this.#onLoadEnd?.(false);
    });
  }

  #run(): void {
    const work = this.#isRunning ? undefined : this.#waiting.shift();
    if (!work) return;
    this.#isRunning = true;
    this.#later(work.task.durationMs, () => {
      this.#isRunning = false;
      if (work.task.isPoison) return this.die(false);
      this.#unsaid.push(work.dispatch);
      if (this.#unsaid.length >= this.#answersAtOnce || this.#waiting.length === 0) this.#answer();
      this.#run();
    });
  }

  #answer(): void {
    const said = this.#unsaid;
    this.#unsaid = [];
    this.#tell(() => {
      for (const dispatch of said) this.#events.onAnswer(dispatch);
    });
  }

  /** Does something later, if the process still runs then. */
  #later(delayMs: number, act: () => void): void {
    this.#timeline.after(delayMs, () => this.isAlive && act());
  }

  /** Delivers what it has sent, even after its end. */
  #tell(act: () => void): void {
    this.#timeline.after(LATENCY_MS, act);
  }
}
