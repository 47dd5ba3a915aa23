/** Which protocol version to offer to a worker: the newest first, an older one after a refusal. */

import { LATEST_VERSION } from "../protocol/mod.ts";

interface Offer {
  readonly version: number;
  /** The worker has refused the one above: it need not be asked again. */
  readonly isSure: boolean;
}

const NEWEST: Offer = { version: LATEST_VERSION, isSure: false };

/** Remembers, for as long as a run lasts, how far down each worker had to be asked. */
export class Offers {
  readonly #next = new Map<string, Offer>();

  /** What to offer to the worker that is known as `key`. */
  next(key: string): number {
    return this.#offer(key).version;
  }

  /** The worker does not speak `version`. */
  onRefused(key: string, version: number): void {
    this.#next.set(key, version > 1 ? { version: version - 1, isSure: true } : NEWEST);
  }

  /** A connection has ended before the offer was answered. An old worker may be so rude. */
  onUnanswered(key: string): void {
    const { version, isSure } = this.#offer(key);
    if (!isSure) this.#next.set(key, version > 1 ? { version: version - 1, isSure } : NEWEST);
  }

  /** A connection has ended on which a version was agreed. */
  onEnded(key: string): void {
    if (!this.#offer(key).isSure) this.#next.delete(key);
  }

  #offer(key: string): Offer {
    return this.#next.get(key) ?? NEWEST;
  }
}
