/**
 * Bounds what all connections of a worker hold together: messages that have not arrived completely, jobs that wait,
 * and answers that are not read. Each connection has bounds of its own, which many connections would add up.
 */

import { UNANSWERED_BYTES_MAX } from "../../protocol/mod.ts";

/**
 * While all of them hold more, those with more than their share are not read. One controller alone may have a little
 * less unanswered, and is never held up. What a worker takes stays below 512 MiB.
 */
const HELD_BYTES_MAX = UNANSWERED_BYTES_MAX + 32 * 1024 * 1024;

/**
 * The same where large messages of several connections arrive. Their memory grows to twice its size, or to all that
 * they need, at the same time, and what they leave behind is free, but not given back to the system yet.
 */
const SHARED_BYTES_MAX = 192 * 1024 * 1024;

/** All are read again once they hold less than this fraction of it. */
const RESUME_PART = 3 / 4;

/**
 * What large reads of all connections may bring in one turn of the event loop, which takes some milliseconds. Others
 * wait for that at each step of each of their jobs. Up to four controllers read a mebibyte at once.
 */
const READ_BYTES_PER_TURN_MAX = 4 * (1024 * 1024 + 64 * 1024);

/** A connection that holds more is likely to have large reads. */
const LARGE_BYTES_MIN = 512 * 1024;

/** How much may arrive between two polls. */
const POLL_EVERY_BYTES = 8 * 1024 * 1024;

/**
 * The same when much is held. Memory for a large message grows when it is full, and that of many connections may be
 * full after the same reads: the first of them must be seen before the others grow, too.
 */
const POLL_OFTEN_BYTES = 512 * 1024;

/** A message that has been read for this long may be given up if faster ones wait for its memory. */
const ARRIVING_MS_MIN = 2_000;

/** How many times slower than a waiting message it must be to be given up. */
const SLOWER_FACTOR_MIN = 4;

/** Why a connection is closed then. */
const TOO_SLOW = "it left a large message unfinished while others waited for its memory";

/** A connection. */
export interface Holder {
  /** Bytes that it holds. */
  readonly heldBytes: number;
  /** The rate of the message that is arriving, over the time in which it was read; 0 if there is none. */
  readonly bytesPerMs: number;
  /** How long that message was read. */
  readonly arrivingMs: number;
  /** Whether its jobs wait for a core that is still to load. Then its message is not needed yet. */
  readonly isLoading: boolean;
  squeeze(isSqueezed: boolean, shareBytes: number): void;
  /** Closes the connection. */
  giveUp(reason: string): void;
}

/** What all connections of a worker hold. */
export class HeldBytes {
  readonly #holders: () => Iterable<Holder>;
  #receivedBytes = 0;
  #pollEveryBytes = POLL_EVERY_BYTES;
  #isSqueezing = false;
  /** While memory is short: whose large message goes on. */
  #favored: Holder | undefined;
  #large = 0;

  constructor(holders: () => Iterable<Holder>) {
    this.#holders = holders;
  }

  /** How much of a large payload one read may bring now. */
  get largeReadBytesMax(): number {
    return Math.ceil(READ_BYTES_PER_TURN_MAX / Math.max(1, this.#large));
  }

  /** A connection has received bytes. */
  onReceived(bytes: number): void {
    this.#receivedBytes += bytes;
    if (this.#receivedBytes >= this.#pollEveryBytes) this.poll();
  }

  /** Call it several times a second. */
  poll(): void {
    this.#receivedBytes = 0;
    const holders = [...this.#holders()];
    this.#large = holders.filter((holder) => holder.heldBytes > LARGE_BYTES_MIN).length;
    const heldBytes = holders.reduce((sum, holder) => sum + holder.heldBytes, 0);
    const arriving = holders.filter(({ heldBytes, bytesPerMs }) =>
      heldBytes > LARGE_BYTES_MIN && bytesPerMs > 0
    );
    const bytesMax = arriving.length > 1 ? SHARED_BYTES_MAX : HELD_BYTES_MAX;
    const isMuch = heldBytes > SHARED_BYTES_MAX / 2;
    this.#pollEveryBytes = isMuch ? POLL_OFTEN_BYTES : POLL_EVERY_BYTES;
    if (heldBytes > bytesMax) this.#squeeze(holders);
    else if (this.#isSqueezing && heldBytes < RESUME_PART * bytesMax) this.#release(holders);
  }

  /** One large message goes on: of several that are half there, none would ever arrive. The fastest ends first. */
  #squeeze(holders: readonly Holder[]): void {
    this.#isSqueezing = true;
    // Half of it: the memory for a large message mostly doubles when it is full.
    const shareBytes = SHARED_BYTES_MAX / holders.length / 2;
    const large = holders.filter((holder) => holder.heldBytes > shareBytes);
    const before = this.#favored;
    const favored = this.#favored = chooseFavored(before, large);
    for (const holder of holders) {
      holder.squeeze(holder.heldBytes > shareBytes && holder !== favored, shareBytes);
    }
    if (before && before !== favored && large.includes(before)) before.giveUp(TOO_SLOW);
  }

  #release(holders: readonly Holder[]): void {
    this.#isSqueezing = false;
    this.#favored = undefined;
    for (const holder of holders) holder.squeeze(false, 0);
  }
}

/**
 * Whoever goes on does so until it holds little. Otherwise a peer that stops would hold all that it has sent, and the
 * next one would go on, and stop. Only one that is far slower than one that waits does not: it is given up.
 */
function chooseFavored(
  before: Holder | undefined,
  large: readonly Holder[],
): Holder | undefined {
  const fastest = fastestOf(large.filter((holder) => holder !== before && !holder.isLoading));
  if (!before || !large.includes(before)) return fastest;
  const isSlow = before.arrivingMs >= ARRIVING_MS_MIN && fastest !== undefined &&
    SLOWER_FACTOR_MIN * before.bytesPerMs < fastest.bytesPerMs;
  return isSlow ? fastest : before;
}

/** The one whose message arrives fastest, if any does. */
function fastestOf(holders: readonly Holder[]): Holder | undefined {
  let fastest: Holder | undefined;
  for (const holder of holders) {
    if (holder.bytesPerMs > (fastest?.bytesPerMs ?? 0)) fastest = holder;
  }
  return fastest;
}
