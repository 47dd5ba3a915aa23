/** Compression on a connection with a controller of version 2: it decides, and is told how fast its bytes arrive. */

import type { Link } from "../../link/link.ts";
import { encodeArrivalRate, encodeDone, PING_MS, type Uint64 } from "../../protocol/mod.ts";

/** A rate that has changed by more than this part of the last one that was told counts as another one. */
const CHANGE_PART_MIN = 0.25;

/** The controller is told of another rate at most this often. */
const NOTICE_MS = 500;

/**
 * While bytes arrive, it is told of the same rate this often, too. A controller that has heard one
 * notice no longer knows how much of what it has sent before is under way: it might take the worker for silent.
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

  /** Tells the controller how fast its bytes arrive, if there is something new. Call it several times a second. */
  onTick(nowMs: number): void {
    if (this.#link.isClosed || !this.#isAsked) return;
    const { bytesPerMs, measurements } = this.#link.compression.arrivals;
    if (bytesPerMs === undefined) return;
    if (measurements === this.#toldMeasurements) return;
    const change = Math.abs(bytesPerMs - this.#toldBytesPerMs);
    const isOther = change > CHANGE_PART_MIN * this.#toldBytesPerMs;
    if (nowMs - this.#toldAtMs < (isOther ? NOTICE_MS : REPEAT_MS)) return;
    this.#toldMeasurements = measurements;
    this.#toldBytesPerMs = bytesPerMs;
    this.#toldAtMs = nowMs;
    this.#link.writer.whole(encodeArrivalRate(Math.max(1, bytesPerMs)));
  }
}
