/** When a worker ends by itself: before the time that it has been given is over, or because nobody needs it. */

import type { Clock } from "../runtime/clock.ts";
import { JobDurations, type RunningJob } from "../pool/job_durations.ts";
import type { JobCounts } from "./slots/processes/slot_jobs.ts";

/** What is left of the time when all jobs must have ended, for answers on their way and for unloading cores. */
const RESERVE_MS_MAX = 15_000;

/** The same as a part of the whole time, if that is short. */
const RESERVE_PART = 0.1;

/** A job may take so much longer than others have. */
const SLACK = 1.1;

/** Why a worker takes no more jobs. */
export type LastReason =
  /** Another job, which probably takes `expectedMs`, would not end in the `leftMs` that are left. */
  | { readonly kind: "time is short"; readonly leftMs: number; readonly expectedMs: number }
  /** It has had no job for this long. */
  | { readonly kind: "idle"; readonly idleMs: number };

/** What a worker has to do, and has done. */
export interface Work extends JobCounts {
  /** Slots that run a job, or whose output is being sent. */
  readonly slotsBusy: number;
  /** Jobs that no slot runs yet. */
  readonly jobsWaiting: number;
  /** Slots that load a core, which may take longer than a worker may be idle. */
  readonly slotsLoading: number;
}

/** What happens at the end of a worker's life. Each is called once at most. */
export interface LifetimeEvents {
  /** It takes no more jobs from now on. */
  onLast(reason: LastReason): void;
  /** The time is over, and this many jobs still run: they will run elsewhere. */
  onOver(running: number): void;
}

/** How long a worker lives. */
export interface LifetimeOptions {
  readonly clock: Clock;
  /** It must have ended after this time, counted by `steady`. */
  readonly limitMs?: number | undefined;
  /** Goes on while the process is stopped, and is never set; `clock` unless given. */
  readonly steady?: Pick<Clock, "now"> | undefined;
  /** When it must have ended, in wall-clock time (`Clock.date`), as a batch system says it. */
  readonly endsAtMs?: number | undefined;
  /** It ends if it has had no job for this long. */
  readonly idleMs?: number | undefined;
}

/** Watches the time of one worker. */
export class Lifetime {
  readonly #clock: Clock;
  readonly #steady: Pick<Clock, "now">;
  readonly #limitAtMs: number;
  readonly #endsAtMs: number;
  readonly #idleMs: number;
  readonly #events: LifetimeEvents;
  readonly #durations = new JobDurations();
  /** All jobs should have ended when so much is left. Those that still run are given up at half of it. */
  readonly #reserveMs: number;
  #busyAtMs: number;
  #jobsEnded = 0;
  #phase: "working" | "ending" | "over" = "working";

  constructor(
    options: LifetimeOptions,
    events: LifetimeEvents,
  ) {
    const { clock, steady = clock, limitMs = Infinity, endsAtMs = Infinity, idleMs = Infinity } =
      options;
    this.#clock = clock;
    this.#steady = steady;
    this.#limitAtMs = steady.now() + limitMs;
    this.#endsAtMs = endsAtMs;
    this.#idleMs = idleMs;
    this.#events = events;
    this.#busyAtMs = clock.now();
    this.#reserveMs = Math.min(RESERVE_MS_MAX, RESERVE_PART * Math.max(0, this.leftMs));
  }

  /** The time that is left; `Infinity` if nothing limits it. */
  get leftMs(): number {
    return Math.min(this.#limitAtMs - this.#steady.now(), this.#endsAtMs - this.#clock.date());
  }

  /** These jobs run now. Others may have come and gone since the last time. */
  onTick(jobs: readonly RunningJob[], work: Work): void {
    const { slotsBusy, jobsWaiting, slotsLoading, done, failed } = work;
    const nowMs = this.#clock.now();
    this.#durations.onSample(jobs, nowMs);
    const isBusy = slotsBusy + jobsWaiting + slotsLoading > 0;
    if (isBusy || done + failed > this.#jobsEnded) this.#busyAtMs = nowMs;
    this.#jobsEnded = done + failed;
    const { leftMs } = this;
    if (this.#phase === "working") this.#checkLast(leftMs - this.#reserveMs, nowMs);
    if (this.#phase === "ending" && leftMs <= this.#reserveMs / 2) {
      this.#phase = "over";
      this.#events.onOver(this.#durations.running);
    }
  }

  #checkLast(leftMs: number, nowMs: number): void {
    const { expectedMs } = this.#durations;
    if (leftMs < SLACK * expectedMs || leftMs <= 0) {
      this.#end({ kind: "time is short", leftMs: Math.max(0, leftMs), expectedMs });
    } else if (nowMs - this.#busyAtMs >= this.#idleMs) {
      this.#end({ kind: "idle", idleMs: nowMs - this.#busyAtMs });
    }
  }

  #end(reason: LastReason): void {
    this.#phase = "ending";
    this.#events.onLast(reason);
  }
}
