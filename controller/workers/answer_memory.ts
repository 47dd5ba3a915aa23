/**
 * Bounds the memory for answers that are arriving, over all workers. A worker sends up to a gigabyte in one answer,
 * and a thousand of them may do so at once.
 *
 * While much is held, only those go on that will be done first, as far as there is room for what they have still to
 * send; a single one may be larger. One that is too slow then is given up: its job runs elsewhere, and its worker
 * stays.
 */

import type { ArrivingPayload, Uint64 } from "../../protocol/mod.ts";
import type { ConnectedWorker } from "./connected_worker.ts";
import { SLOWEST_LINK_BYTES_PER_MS } from "./heartbeat.ts";

/** Smaller answers never wait. */
const LARGE_BYTES_MIN = 1024 * 1024;

/** With more than this held, some answers have to wait. */
export const HELD_BYTES_MAX = 256 * 1024 * 1024;

/** Then this much may still arrive of all of them together, and beside that one that is larger. */
export const COMING_BYTES_MAX = 256 * 1024 * 1024;

/** The pace of an answer that has not been read for long. If it is slower, that will show. */
const ASSUMED_BYTES_PER_MS = 10_000;

/** The pace of an answer is measured over this time. */
const PACE_MS = 5_000;

/** An answer that needs longer than this is given up if another one waits that needs this many times less. */
const ARRIVING_MS_MAX = 120_000;
const SLOWER_FACTOR_MIN = 4;

/** A large answer that is arriving. */
interface Arrival {
  readonly worker: ConnectedWorker;
  readonly payload: ArrivingPayload;
  /** Counted in the sum. */
  bytes: number;
  /** `undefined` until it has been measured. */
  bytesPerMs: number | undefined;
  /** What is measured now: for how long it was read, and how much it had before. */
  pacedMs: number;
  pacedFrom: number;
  isHeld: boolean;
  /** Nothing is decided about it yet. */
  isNew: boolean;
}

/** The large answers that are arriving. */
export class AnswerMemory {
  readonly #arrivals = new Map<ConnectedWorker, Arrival>();
  readonly #onDiscarded: (worker: ConnectedWorker, id: Uint64) => void;
  #bytes = 0;
  #isShort = false;
  #polledAtMs = 0;

  /** `onDiscarded`: the answer to the message `id` will not come. */
  constructor(onDiscarded: (worker: ConnectedWorker, id: Uint64) => void) {
    this.#onDiscarded = onDiscarded;
  }

  /** How many bytes of large answers are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** More of an answer has arrived, or, without `payload`, all of it. */
  onArriving(worker: ConnectedWorker, payload: ArrivingPayload | undefined): void {
    let arrival = this.#arrivals.get(worker);
    if (arrival && arrival.payload !== payload) {
      this.#remove(arrival);
      arrival = undefined;
    }
    if (!payload || payload.payloadBytes < LARGE_BYTES_MIN) return;
    const isNew = arrival === undefined;
    arrival ??= this.#add(worker, payload);
    this.#bytes += payload.filled - arrival.bytes;
    arrival.bytes = payload.filled;
    if (isNew || this.#isFull !== this.#isShort) this.#share();
  }

  /** A worker has disconnected. */
  onGone(worker: ConnectedWorker): void {
    const arrival = this.#arrivals.get(worker);
    if (arrival) this.#remove(arrival);
  }

  /** Measures how fast answers come, and gives up slow ones if memory is short. `isReading`: answers are being read. */
  onTick(nowMs: number, isReading: boolean): void {
    const elapsedMs = nowMs - this.#polledAtMs;
    this.#polledAtMs = nowMs;
    if (this.#arrivals.size === 0) return;
    if (isReading && elapsedMs > 0) {
      for (const arrival of this.#arrivals.values()) measure(arrival, elapsedMs);
    }
    this.#share();
    const arrivals = [...this.#arrivals.values()];
    const waiting = arrivals.filter(({ isHeld }) => isHeld);
    if (waiting.length === 0) return;
    const waitingMs = Math.min(...waiting.map(msLeft));
    for (const arrival of arrivals) {
      if (!arrival.isHeld && isSlow(arrival, waitingMs)) this.#discard(arrival);
    }
  }

  get #isFull(): boolean {
    return this.#bytes >= HELD_BYTES_MAX;
  }

  #add(worker: ConnectedWorker, payload: ArrivingPayload): Arrival {
    const arrival = {
      worker,
      payload,
      bytes: 0,
      bytesPerMs: undefined,
      pacedMs: 0,
      pacedFrom: 0,
      isHeld: false,
      isNew: true,
    };
    this.#arrivals.set(worker, arrival);
    return arrival;
  }

  #remove(arrival: Arrival): void {
    this.#arrivals.delete(arrival.worker);
    this.#bytes -= arrival.bytes;
    // The read that was under way when it was held may have brought the rest of it.
    if (arrival.isHeld) arrival.worker.connection.hold(false);
    if (this.#isShort) this.#share();
  }

  #discard(arrival: Arrival): void {
    const { id } = arrival.payload;
    this.#remove(arrival);
    arrival.worker.connection.discardArriving();
    this.#onDiscarded(arrival.worker, id);
  }

  /** Decides which arrivals go on. While memory is short, those that went on before still do. */
  #share(): void {
    const wasShort = this.#isShort;
    this.#isShort = this.#isFull;
    let comingBytes = 0;
    let hasLarger = false;
    const allow = (arrival: Arrival): boolean => {
      const bytes = bytesLeft(arrival);
      const isLarger = bytes > COMING_BYTES_MAX;
      if (isLarger ? hasLarger : comingBytes + bytes > COMING_BYTES_MAX) return false;
      if (isLarger) hasLarger = true;
      else comingBytes += bytes;
      return true;
    };
    const arrivals = [...this.#arrivals.values()];
    const before = wasShort ? arrivals.filter(({ isHeld, isNew }) => !isHeld && !isNew) : [];
    const others = arrivals.filter((arrival) => !before.includes(arrival));
    if (this.#isShort) others.sort((one, other) => msLeft(one) - msLeft(other));
    for (const arrival of [...before, ...others]) {
      const isHeld = this.#isShort && !allow(arrival);
      arrival.isNew = false;
      if (arrival.isHeld === isHeld) continue;
      arrival.isHeld = isHeld;
      arrival.worker.connection.hold(isHeld);
    }
  }
}

/** Measures the pace of an arrival that was read for the last `ms` milliseconds, unless it was held. */
function measure(arrival: Arrival, ms: number): void {
  if (arrival.isHeld) return;
  arrival.pacedMs += ms;
  if (arrival.pacedMs < PACE_MS) return;
  arrival.bytesPerMs = (arrival.bytes - arrival.pacedFrom) / arrival.pacedMs;
  arrival.pacedMs = 0;
  arrival.pacedFrom = arrival.bytes;
}

function bytesLeft({ payload }: Arrival): number {
  return payload.payloadBytes - payload.filled;
}

function msLeft(arrival: Arrival): number {
  return bytesLeft(arrival) / Math.max(1, arrival.bytesPerMs ?? ASSUMED_BYTES_PER_MS);
}

/** Whether others should not wait for it. `waitingMs`: how long the shortest of them takes. */
function isSlow(arrival: Arrival, waitingMs: number): boolean {
  if (arrival.bytesPerMs === undefined) return false;
  if (arrival.bytesPerMs < SLOWEST_LINK_BYTES_PER_MS) return true;
  return msLeft(arrival) > Math.max(ARRIVING_MS_MAX, SLOWER_FACTOR_MIN * waitingMs);
}
