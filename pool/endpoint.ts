/** The pool's state of one endpoint: its core, its jobs in flight, its pace. */

import type { ClientId, CoreKey, DispatchId, EndpointId } from "./ids.ts";
import { isInFlight, isWanted, type Job, markBack, markSent } from "./job.ts";
import { Pace } from "./pace.ts";

/** A window of more jobs per slot than this is deep: its jobs are so short that many end within a round trip. */
const SHALLOW_WINDOW = 4;

/** An endpoint that has not answered for this long is running a long job, even if earlier jobs were short. */
const LONG_MS = 100;

/** An endpoint that has answered nothing for this long since it got its first job is silent. */
const SILENT_MS = 1_000;

/** An endpoint's state. Only the pool changes it. */
export class Endpoint<T> {
  readonly inFlight = new Map<DispatchId, Job<T>>();
  readonly pace: Pace;
  bytesInFlight = 0;
  core: CoreKey | undefined;
  /** It was told to load its core, and has not reported the outcome yet. */
  isLoading = false;
  loadedAtMs = 0;
  /** It gets no more jobs until it has loaded another core. */
  isDraining = false;
  /** It gets no more jobs, ever. */
  isLeaving = false;
  /** The most jobs that its owner wants it to have in flight. */
  jobsMax = Infinity;
  /** It has answered a job whose result was wanted. That it confirms a cancel says nothing. */
  hasAnswered = false;
  /** It runs an isolated job. */
  isReserved = false;
  /** The earliest time at which its oldest job can have started, if jobs run one after the other. */
  oldestSinceMs = 0;
  /** The client whose job it got last, and how many jobs it got since it was last idle. */
  turn: { client: ClientId | undefined; jobs: number } = { client: undefined, jobs: 0 };

  constructor(readonly id: EndpointId, slots: number | undefined) {
    this.pace = new Pace(slots);
  }

  /** It could take a job that needs its core, if its window has room. */
  get isReady(): boolean {
    if (this.jobsMax === 0) return false;
    return this.core !== undefined && !this.isLoading && !this.isDraining && !this.isLeaving;
  }

  /** How many jobs it should have in flight, before the limits on bytes and for the end of a run apply. */
  window(isLocal: boolean): number {
    return Math.min(this.jobsMax, this.pace.window(isLocal));
  }

  /** It has never answered, although it has had jobs for a while. */
  isSilent(nowMs: number): boolean {
    return this.inFlight.size > 0 && !this.hasAnswered &&
      nowMs - this.oldestSinceMs >= SILENT_MS;
  }

  /** It could load a core now. */
  get isFree(): boolean {
    return this.inFlight.size === 0 && !this.isLoading && !this.isLeaving;
  }

  /**
   * Jobs in flight that cannot have started, because older jobs occupy all slots. With a deep window and
   * recent answers there is no such job: the older ones may have ended, with their answers still on the way.
   */
  unstarted(nowMs: number): Job<T>[] {
    const { slots, slotsAreKnown } = this.pace;
    if (!slotsAreKnown) return [];
    const isDeep = this.inFlight.size > SHALLOW_WINDOW * slots;
    if (isDeep && nowMs - this.oldestSinceMs < LONG_MS) return [];
    return [...this.inFlight.values()].slice(slots).filter(isWanted);
  }

  startLoading(core: CoreKey): void {
    this.core = core;
    this.isLoading = true;
    this.isDraining = false;
  }

  add(dispatch: DispatchId, job: Job<T>, nowMs: number): void {
    markSent(job, this.id, dispatch, this.pace.onSent(nowMs), nowMs);
    if (this.inFlight.size === 0) {
      this.oldestSinceMs = nowMs;
      this.turn.jobs = 0;
    }
    this.turn.client = job.client;
    this.turn.jobs += 1;
    this.inFlight.set(dispatch, job);
    this.bytesInFlight += job.bytes;
    this.isReserved = job.isIsolated;
  }

  /** A job is back. `isAnswer`: with an answer, which a job that the endpoint has not started does not have. */
  remove(dispatch: DispatchId, nowMs: number, isAnswer = true): Job<T> | undefined {
    const job = this.inFlight.get(dispatch);
    if (!job) return undefined;
    if (isInFlight(job)) this.pace.onAnswer(job.sequence, nowMs - job.sentAtMs, nowMs);
    if (isAnswer && isWanted(job)) this.hasAnswered = true;
    markBack(job);
    this.inFlight.delete(dispatch);
    this.bytesInFlight -= job.bytes;
    this.isReserved = false;
    this.oldestSinceMs = nowMs;
    return job;
  }
}
