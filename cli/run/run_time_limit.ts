/** `run --time-limit`: ends a run in order, so that it has ended when its time is over, and can be resumed. */

import type { Run } from "../../controller/run.ts";
import { TimeLimitError } from "../../controller/run_errors.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import { formatDuration, formatNoun } from "../../system/format.ts";
import type { WriteLine } from "../terminal/log.ts";

/** What is left of the time when no job runs any more, to write outputs and to end workers. */
const RESERVE_MS_MAX = 20_000;

/** The same as a part of the whole time, if that is short. */
const RESERVE_PART = 0.1;

/** The last part of the time, in which no jobs begin if they would probably not end. Longer ones are given up. */
const DRAIN_PART = 0.1;

/** How often the time is looked at, and the same as a part of a short limit. */
const TICK_MS_MAX = 1_000;
const TICK_PART = 0.02;

/** What a time limit ends. */
type Limited = Pick<Run, "interrupt" | "abandon" | "view" | "whyNoWorker">;

/** Ends a run when its time is nearly over. Stop it when the run has ended. */
export class RunTimeLimit implements Timer {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #run: Limited;
  readonly #write: WriteLine;
  readonly #startedAtMs: number;
  readonly #timer: Timer;
  /** The longest time that a job was seen to be away, near the end of the time. */
  #longestMs = 0;
  #isDraining = false;

  constructor(clock: Clock, limitMs: number, run: Limited, write: WriteLine) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#run = run;
    this.#write = write;
    this.#startedAtMs = clock.now();
    const tickMs = Math.min(TICK_MS_MAX, TICK_PART * limitMs);
    this.#timer = clock.every(tickMs, () => this.#onTick());
  }

  stop(): void {
    this.#timer.stop();
  }

  #onTick(): void {
    const stopMs = this.#limitMs - Math.min(RESERVE_MS_MAX, RESERVE_PART * this.#limitMs);
    const leftMs = stopMs - (this.#clock.now() - this.#startedAtMs);
    const drainMs = DRAIN_PART * this.#limitMs;
    if (leftMs > 2 * drainMs) return;
    const { status, oldest: [oldest] } = this.#run.view({ oldestMax: 1, workerJobsMax: 0 });
    this.#longestMs = Math.max(this.#longestMs, oldest?.beganMsAgo ?? 0);
    if (!this.#isDraining && leftMs <= Math.min(drainMs, this.#longestMs)) {
      this.#isDraining = true;
      const jobs = formatNoun(status.inFlight, "job");
      if (this.#run.interrupt(this.#error) && status.inFlight > 0) {
        this.#write(
          `the time limit of ${formatDuration(this.#limitMs)} is near: finishing ${jobs}`,
        );
      }
    }
    if (leftMs <= 0) {
      this.stop();
      this.#run.abandon(this.#error);
    }
  }

  get #error(): TimeLimitError {
    return new TimeLimitError(this.#limitMs, this.#run.whyNoWorker);
  }
}
