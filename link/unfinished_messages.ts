/**
 * Finds peers that leave a message unfinished: that connect and send nothing, or begin a frame and do not end it. A
 * peer that is between two frames may be silent for as long as it likes, as far as this goes.
 */

import type { Link } from "./link.ts";

/** How long the first message may take: whoever connects sends it at once. */
export const FIRST_FRAME_MS = 20_000;

/** How long nothing more of a frame may come: a network that is away for longer breaks connections anyway. */
export const STALLED_MS = 30_000;

/** A frame may be slower than the rate below for this long. */
export const SLOW_MS = 30_000;

/** The slowest rate of a frame, a tenth of that of the slowest network that is supported. */
export const SLOWEST_FRAME_BYTES_PER_MS = 10;

/**
 * The most that one call counts. When a process was suspended or busy, its timers run before it reads what has
 * arrived.
 */
const POLL_MS_MAX = 1_000;

/** Watches one link. Call `poll` several times a second. */
export class UnfinishedMessages {
  readonly #link: Pick<Link, "reception">;
  #frames = 0;
  #heldBytes = 0;
  /** How long the frame has been under way, or the first one awaited, while the link listened. */
  #begunMs = 0;
  #stalledMs = 0;
  #polledAtMs: number | undefined;

  constructor(link: Pick<Link, "reception">) {
    this.#link = link;
  }

  /** How long the frame has been under way, while the link listened. */
  get begunMs(): number {
    return this.#begunMs;
  }

  /** Bytes per millisecond of the frame that is under way. */
  get bytesPerMs(): number {
    return this.#heldBytes / Math.max(1, this.#begunMs);
  }

  /** Why the peer cannot be kept, as a clause for a message; `undefined` if it can. */
  poll(nowMs: number): string | undefined {
    const { frames, heldBytes, isListening } = this.#link.reception;
    const elapsedMs = Math.min(nowMs - (this.#polledAtMs ?? nowMs), POLL_MS_MAX);
    this.#polledAtMs = nowMs;
    const isNew = frames !== this.#frames;
    const isWaiting = heldBytes > 0 || frames === 0;
    const hasMoved = heldBytes !== this.#heldBytes;
    this.#frames = frames;
    this.#heldBytes = heldBytes;
    if (isNew || !isWaiting) this.#begunMs = 0;
    else if (isListening) this.#begunMs += elapsedMs;
    if (isNew || hasMoved || !isListening) this.#stalledMs = 0;
    else this.#stalledMs += elapsedMs;
    return isWaiting ? this.#problem(heldBytes) : undefined;
  }

  #problem(heldBytes: number): string | undefined {
    if (heldBytes === 0) {
      return this.#begunMs < FIRST_FRAME_MS
        ? undefined
        : `it sent no message within ${FIRST_FRAME_MS / 1_000}s`;
    }
    if (this.#stalledMs >= STALLED_MS) {
      return `it stopped in the middle of a message for ${STALLED_MS / 1_000}s`;
    }
    const leastBytes = (this.#begunMs - SLOW_MS) * SLOWEST_FRAME_BYTES_PER_MS;
    return heldBytes >= leastBytes
      ? undefined
      : `it sends a message at less than ${SLOWEST_FRAME_BYTES_PER_MS} kB/s`;
  }
}
