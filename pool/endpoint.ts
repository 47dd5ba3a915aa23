/** What the pool knows of one endpoint. */

import { Pace } from "./pace.ts";
import type { ClientId, CoreKey, DispatchId, EndpointId, Job } from "./types.ts";

/** Jobs for each slot in a window that is there to hide the way to the endpoint, not to keep it fed. */
const SHALLOW_WINDOW = 4;

/** An endpoint that has answered nothing for so long is at a long job, however short those before it were. */
const LONG_MS = 100;

/** An endpoint's state. Only the pool changes it. */
export class Endpoint<T> {
  readonly inFlight = new Map<DispatchId, Job<T>>();
  readonly pace: Pace;
  bytesInFlight = 0;
  core: CoreKey | undefined;
  /** A `load` was asked for and not answered yet. */
  isLoading = false;
  loadedAtMs = 0;
  /** It gets no more jobs: it leaves, or it gives its core up for another. */
  isDraining = false;
  isLeaving = false;
  /** Holds a job that runs alone. */
  isReserved = false;
  /** Since when its oldest job can have been at work, where jobs run one after the other. */
  headSinceMs = 0;
  /** Whose job it got last, and how many jobs since it had none. */
  turn: { client: ClientId | undefined; jobs: number } = { client: undefined, jobs: 0 };

  constructor(readonly id: EndpointId, slots: number | undefined) {
    this.pace = new Pace(slots);
  }

  /** It could take a job with its core, if its window has room. */
  get isServing(): boolean {
    return this.core !== undefined && !this.isLoading && !this.isDraining && !this.isLeaving;
  }

  /** It could load a core now. */
  get isFree(): boolean {
    return this.inFlight.size === 0 && !this.isLoading && !this.isLeaving;
  }

  /**
   * Jobs in flight that cannot have begun, as there are enough older ones for all slots. Where the window
   * is deep, jobs are over before one could say so, as long as answers come.
   */
  unstarted(nowMs: number): Job<T>[] {
    const { slots, slotsAreKnown } = this.pace;
    if (!slotsAreKnown) return [];
    const isDeep = this.inFlight.size > SHALLOW_WINDOW * slots;
    if (isDeep && nowMs - this.headSinceMs < LONG_MS) return [];
    return [...this.inFlight.values()].slice(slots).filter(({ isOrphan }) => !isOrphan);
  }

  startLoading(core: CoreKey): void {
    this.core = core;
    this.isLoading = true;
    this.isDraining = false;
  }

  add(dispatch: DispatchId, job: Job<T>, nowMs: number): void {
    job.ordinal = this.pace.onSent(nowMs);
    if (this.inFlight.size === 0) {
      this.headSinceMs = nowMs;
      this.turn.jobs = 0;
    }
    this.turn.client = job.client;
    this.turn.jobs += 1;
    this.inFlight.set(dispatch, job);
    this.bytesInFlight += job.bytes;
    this.isReserved = job.alone;
  }

  remove(dispatch: DispatchId, nowMs: number): Job<T> | undefined {
    const job = this.inFlight.get(dispatch);
    if (!job) return undefined;
    this.inFlight.delete(dispatch);
    this.bytesInFlight -= job.bytes;
    this.isReserved = false;
    this.headSinceMs = nowMs;
    this.pace.onAnswer(job.ordinal, nowMs - job.sentAtMs, nowMs);
    return job;
  }
}
