/** The pool's state of one endpoint: its core, its jobs in flight, its pace. */

import type { ClientId, CoreKey, DispatchId, EndpointId } from "./ids.ts";
import { InFlight } from "./in_flight.ts";
import { isInFlight, isWanted, type Job, markBack, markBegun, markSent } from "./job.ts";
import { Pace } from "./pace.ts";
import { noShare, type Share } from "./sums.ts";

/** A window of more jobs per slot than this is deep: its jobs are so short that many end within a round trip. */
const SHALLOW_WINDOW = 4;

/** An endpoint that has not answered for this long is running a long job, even if earlier jobs were short. */
const LONG_MS = 100;

/** An endpoint that has answered nothing for this long since it got its first job is silent. */
const SILENT_MS = 1_000;

/** Jobs per slot of a near endpoint, one that runs and one that waits, beyond which the limit on bytes is low. */
export const NEAR_JOBS = 2;

/**
 * That limit, on the inputs of jobs that wait. More bytes would have left the caches of the CPUs before a slot gets
 * them: jobs of 1 MiB are a tenth slower with 24 MiB in flight.
 */
export const NEAR_BYTES_MAX = 4 * 1024 * 1024;

/** Hears when the state of an endpoint changes. */
export interface EndpointChanges<T> {
  /** Something has changed that its share in the sums depends on. */
  onChanged(endpoint: Endpoint<T>): void;
  /** It may have room for a job that it had no room for before. */
  onRoom(endpoint: Endpoint<T>): void;
}

/** An endpoint's state. Only the pool changes it, through the methods here. */
export class Endpoint<T> {
  readonly inFlight = new InFlight<T>();
  readonly pace: Pace;
  readonly #changes: EndpointChanges<T>;
  bytesInFlight = 0;
  core: CoreKey | undefined;
  /** It was told to load its core, and has not reported the outcome yet. */
  isLoading = false;
  loadedAtMs = 0;
  /** It yields its core: it gets no more jobs until it has loaded another one. */
  isYielding = false;
  /** It drains: it gets no more jobs, ever. */
  isLeaving = false;
  /** The pool has lost it. */
  isGone = false;
  /** The most jobs that its owner wants it to have in flight. */
  jobsMax = Infinity;
  /** It has answered a job whose result was wanted. To confirm a cancel does not count. */
  hasAnswered = false;
  /** It runs an isolated job. */
  isReserved = false;
  /** The earliest time at which its oldest job can have started, if jobs run one after the other. */
  oldestSinceMs = 0;
  /**
   * The youngest job that has begun, as far as its answers tell, and how many of those that have begun are in flight.
   */
  #begunLast = 0;
  #begun = 0;
  /** The bytes of these. */
  #bytesBegun = 0;
  /** When its last job came back. */
  usedAtMs = -Infinity;
  /** The client whose job it got last. */
  lastClient: ClientId | undefined;
  /** How many jobs it got since it was last idle. */
  jobsInARow = 0;

  // What the set of endpoints notes of it.

  /** What it adds to the sums. */
  readonly share: Share = noShare();
  /** Its share has to be counted anew. */
  isChanged = false;
  /** It may have room. */
  isOpen = false;

  constructor(
    readonly id: EndpointId,
    slots: number | undefined,
    changes: EndpointChanges<T>,
  ) {
    this.pace = new Pace(slots);
    this.#changes = changes;
  }

  /** It could take a job that needs its core, if its window has room. */
  get isReady(): boolean {
    if (this.jobsMax === 0 || this.isGone) return false;
    return this.core !== undefined && !this.isLoading && !this.isYielding && !this.isLeaving;
  }

  /** How many jobs it should have in flight, before the limits on bytes and for the end of a run apply. */
  window(isLocal: boolean): number {
    return Math.min(this.jobsMax, this.pace.window(isLocal));
  }

  /** It has as many bytes in flight as it should have. `bytesMax`: the limit for any endpoint. */
  holdsEnough(bytesMax: number): boolean {
    const { pace, bytesInFlight } = this;
    const jobs = this.inFlight.size;
    if (jobs < pace.slots) return false;
    if (bytesInFlight >= bytesMax) return true;
    if (!pace.isNear || jobs < NEAR_JOBS * pace.slots) return false;
    return bytesInFlight - this.#bytesBegun >= NEAR_BYTES_MAX;
  }

  /** It has never answered, although it has had jobs for a while. */
  isSilent(nowMs: number): boolean {
    return this.inFlight.size > 0 && !this.hasAnswered &&
      nowMs - this.oldestSinceMs >= SILENT_MS;
  }

  /** It has no job, and may get one. */
  get isIdle(): boolean {
    return this.inFlight.size === 0 && this.jobsMax > 0;
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
    return [...this.inFlight].slice(slots).filter(isWanted);
  }

  startLoading(core: CoreKey): void {
    this.core = core;
    this.isLoading = true;
    this.isYielding = false;
    this.#onChanged();
  }

  onLoaded(nowMs: number): void {
    this.isLoading = false;
    this.loadedAtMs = nowMs;
    this.#onChanged();
  }

  onLoadFailed(): void {
    this.isLoading = false;
    this.core = undefined;
    this.#onChanged();
  }

  /** It yields its core to another one, so that it gets no more jobs, or keeps it after all. */
  setYielding(isYielding: boolean): void {
    if (this.isYielding === isYielding) return;
    this.isYielding = isYielding;
    this.#onChanged();
  }

  onLeaving(): void {
    this.isLeaving = true;
    this.#onChanged();
  }

  onLowLatency(): void {
    this.pace.onLowLatency();
    this.#onChanged();
  }

  onLimited(jobsMax: number): void {
    this.jobsMax = jobsMax;
    this.#onChanged();
  }

  /** Sends it a job. Returns the job's dispatch. */
  add(job: Job<T>, nowMs: number): DispatchId {
    const dispatch = this.inFlight.next;
    markSent(job, this.id, dispatch, nowMs);
    this.pace.onSent(nowMs);
    if (this.inFlight.size === 0) {
      this.oldestSinceMs = nowMs;
      this.jobsInARow = 0;
    }
    this.lastClient = job.client;
    this.jobsInARow += 1;
    this.inFlight.add(job);
    this.bytesInFlight += job.bytes;
    this.#begin(nowMs);
    this.isReserved = job.isIsolated;
    this.#changes.onChanged(this); // it has less room than before
    return dispatch;
  }

  /** A job is back. `isAnswer`: with an answer, which a job that the endpoint has not started does not have. */
  remove(dispatch: DispatchId, nowMs: number, isAnswer: boolean): Job<T> | undefined {
    const job = this.inFlight.remove(dispatch);
    if (!job) return undefined;
    if (dispatch <= this.#begunLast) {
      this.#begun -= 1;
      this.#bytesBegun -= job.bytes;
    }
    // For its window, a job that it has given back is no longer in flight, like one that it has answered.
    if (isInFlight(job)) this.pace.onAnswer(dispatch, nowMs - job.sentAtMs, nowMs);
    if (isAnswer && isWanted(job)) this.hasAnswered = true;
    markBack(job);
    this.bytesInFlight -= job.bytes;
    this.isReserved = false;
    this.#begin(nowMs);
    this.oldestSinceMs = nowMs;
    this.usedAtMs = nowMs;
    this.#onChanged();
    return job;
  }

  /** The jobs in its slots, as far as its answers tell, the oldest first: the others wait behind them. */
  *begun(): Iterable<Job<T>> {
    for (const job of this.inFlight) {
      if (isInFlight(job) && job.dispatch > this.#begunLast) return;
      yield job;
    }
  }

  /** Jobs begin in the order in which they were sent, as soon as a slot is free. */
  #begin(nowMs: number): void {
    const { inFlight, pace: { slots } } = this;
    while (this.#begun < slots && this.#begunLast + 1 < inFlight.next) {
      this.#begunLast += 1;
      const job = inFlight.get(this.#begunLast as DispatchId);
      if (!job) continue; // it came back before
      markBegun(job, nowMs);
      this.#begun += 1;
      this.#bytesBegun += job.bytes;
    }
  }

  /** Sets what it adds to the sums now. */
  setShare(share: Share, isLocal: boolean): void {
    const { inFlight, isReady, isLeaving, pace } = this;
    share.staying = isLeaving ? 0 : 1;
    share.inFlight = inFlight.size;
    share.ready = isReady ? 1 : 0;
    share.slots = isReady ? pace.slots : 0;
    share.slotsBusy = Math.min(share.slots, inFlight.size);
    share.unreported = isReady && !pace.slotsAreKnown ? 1 : 0;
    share.window = isReady ? this.window(isLocal) : 0;
    share.core = this.core;
    share.idle = !isLeaving && this.isIdle ? 1 : 0;
  }

  #onChanged(): void {
    this.#changes.onChanged(this);
    this.#changes.onRoom(this);
  }
}
