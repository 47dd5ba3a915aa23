/** Compression on a connection with a controller of version 2, which decides about it and is told how fast its bytes arrive. */

import type { Link } from "../../link/link.ts";
import { encodeArrivalRate, encodeDone, PING_MS, type Uint64 } from "../../protocol/mod.ts";

/** The controller is told of another rate at most this often, */
const NOTICE_MS = 500;
/** and only if it has changed by this part. */
const CHANGE_PART_MIN = 0.25;

/**
 * While bytes arrive, it is told at least this often, though nothing has changed. A controller that has heard one
 * notice no longer knows how much of what it has sent before is under way: it might take the worker for silent. So it
 * might while it is not read, as its pings are not either.
 */
const REPEAT_MS = PING_MS;

/** The compression of one connection. */
export class Compression {
  readonly #link: Link;
  #isAsked = false;
  #toldMeasurements = 0;
  #toldBytesPerMs = 0;
  #toldAtMs = -Infinity;

  constructor(link: Link) {
    this.#link = link;
  }

  /** The controller says whether answers are to be compressed, and may compress what it sends. Returns the response. */
  onAsked(id: Uint64, compresses: boolean): Uint8Array<ArrayBuffer> {
    this.#isAsked = true;
    this.#link.compression.accept();
    this.#link.compression.compress(compresses);
    return encodeDone(id);
  }

  /**
   * Tells the controller how fast its bytes arrive, if there is something new. Call it several times a second.
   * `isUnread`: whether the controller is not read for now.
   */
  onTick(nowMs: number, isUnread: boolean): void {
    if (this.#link.isClosed) return;
    if (isUnread) this.#onUnread(nowMs);
    else if (this.#isAsked) this.#onRead(nowMs);
  }

  #onUnread(nowMs: number): void {
    // What is pending is a sign of life, too, once the controller reads.
    if (this.#link.pendingBytes === 0 && nowMs - this.#toldAtMs >= REPEAT_MS) this.#tell(0, nowMs);
  }

  #onRead(nowMs: number): void {
    const { bytesPerMs, measurements } = this.#link.compression.arrivals;
    if (bytesPerMs === undefined) return;
    if (measurements === this.#toldMeasurements) return;
    const change = Math.abs(bytesPerMs - this.#toldBytesPerMs);
    const isOther = change > CHANGE_PART_MIN * this.#toldBytesPerMs;
    if (nowMs - this.#toldAtMs < (isOther ? NOTICE_MS : REPEAT_MS)) return;
    this.#toldMeasurements = measurements;
    this.#toldBytesPerMs = bytesPerMs;
    this.#tell(Math.max(1, bytesPerMs), nowMs);
  }

  #tell(bytesPerMs: number, nowMs: number): void {
    this.#toldAtMs = nowMs;
    this.#link.writer.whole(encodeArrivalRate(bytesPerMs));
  }
}
