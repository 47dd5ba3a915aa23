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

/** All are read again once they hold less than this fraction of it. */
const RESUME_PART = 3 / 4;

/**
 * What large reads of all connections may bring in one turn of the event loop, which takes some milliseconds. Others
 * wait for that at each step of each of their jobs. Up to four controllers read a mebibyte at once.
 */
const TURN_BYTES_MAX = 4 * (1024 * 1024 + 64 * 1024);

/** A connection that holds more is likely to have large reads. */
const LARGE_BYTES_MIN = 512 * 1024;

/** How much may arrive between two looks. */
const LOOK_EVERY_BYTES = 8 * 1024 * 1024;

/** A connection. */
export interface Holder {
  /** Bytes that it holds. */
  readonly heldBytes: number;
  /** The rate of the message that is arriving; 0 if there is none. */
  readonly bytesPerMs: number;
  squeeze(isSqueezed: boolean, shareBytes: number): void;
}

/** What all connections of a worker hold. */
export class HeldBytes {
  readonly #holders: () => Iterable<Holder>;
  #receivedBytes = 0;
  #isSqueezing = false;
  #large = 0;

  constructor(holders: () => Iterable<Holder>) {
    this.#holders = holders;
  }

  /** How much of a large payload one read may bring now. */
  get largeReadBytesMax(): number {
    return Math.ceil(TURN_BYTES_MAX / Math.max(1, this.#large));
  }

  /** A connection has received bytes. */
  onReceived(bytes: number): void {
    this.#receivedBytes += bytes;
    if (this.#receivedBytes >= LOOK_EVERY_BYTES) this.look();
  }

  /** Call it several times a second. */
  look(): void {
    this.#receivedBytes = 0;
    const holders = [...this.#holders()];
    this.#large = holders.filter((holder) => holder.heldBytes > LARGE_BYTES_MIN).length;
    const heldBytes = holders.reduce((sum, holder) => sum + holder.heldBytes, 0);
    if (heldBytes > HELD_BYTES_MAX) this.#squeeze(holders);
    else if (this.#isSqueezing && heldBytes < RESUME_PART * HELD_BYTES_MAX) this.#release(holders);
  }

  /** One large message goes on: of several that are half there, none would ever arrive. The fastest ends first. */
  #squeeze(holders: readonly Holder[]): void {
    this.#isSqueezing = true;
    // Half of it: the memory for a large message doubles when it is full.
    const shareBytes = HELD_BYTES_MAX / holders.length / 2;
    const large = holders.filter((holder) => holder.heldBytes > shareBytes);
    const fastest = large.reduce<Holder | undefined>(
      (best, holder) => holder.bytesPerMs > (best?.bytesPerMs ?? 0) ? holder : best,
      undefined,
    );
    for (const holder of holders) {
      holder.squeeze(holder.heldBytes > shareBytes && holder !== fastest, shareBytes);
    }
  }

  #release(holders: readonly Holder[]): void {
    this.#isSqueezing = false;
    for (const holder of holders) holder.squeeze(false, 0);
  }
}
