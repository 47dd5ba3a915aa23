/** Which protocol version to offer to a worker: the newest first, an older one after a refusal. */

import { LATEST_VERSION } from "../../protocol/mod.ts";

interface Offer {
  readonly version: number;
  /** The worker does not speak the one above: it need not be asked again. */
  readonly isSure: boolean;
  /** How often the one above was offered, and the connection ended without an answer. */
  readonly unanswered: number;
}

const NEWEST: Offer = { version: LATEST_VERSION, isSure: false, unanswered: 0 };

/** Old workers may be so rude as not to answer; but a way that is open before the worker is, ends likewise. */
const UNANSWERED_MAX = 2;

/** Remembers, for as long as a run lasts, how far down each worker had to be asked. */
export class VersionNegotiation {
  readonly #next = new Map<string, Offer>();

  /** What to offer to the worker that is known as `key`. */
  next(key: string): number {
    return this.#offer(key).version;
  }

  /** The worker does not speak `version`. */
  onRefused(key: string, version: number): void {
    this.#next.set(
      key,
      version > 1 ? { version: version - 1, isSure: true, unanswered: 0 } : NEWEST,
    );
  }

  /** A connection has ended before the offer was answered. */
  onUnanswered(key: string): void {
    const { version, isSure, unanswered } = this.#offer(key);
    if (isSure) return;
    this.#next.set(
      key,
      version > 1
        ? { version: version - 1, isSure, unanswered: unanswered + 1 }
        : { ...NEWEST, unanswered },
    );
  }

  /**
   * The worker has agreed on `version`. False: it was not asked for a newer one as often as it takes to
   * know that it speaks none, and is to be asked once more.
   */
  onAgreed(key: string, version: number): boolean {
    const { isSure, unanswered } = this.#offer(key);
    if (version === LATEST_VERSION || isSure) return true;
    const isNowSure = unanswered >= UNANSWERED_MAX;
    this.#next.set(
      key,
      isNowSure ? { version, isSure: true, unanswered } : { ...NEWEST, unanswered },
    );
    return isNowSure;
  }

  /** A connection has ended on which a version was agreed. */
  onEnded(key: string): void {
    if (!this.#offer(key).isSure && this.#offer(key).version !== LATEST_VERSION) {
      this.#next.delete(key);
    }
  }

  #offer(key: string): Offer {
    return this.#next.get(key) ?? NEWEST;
  }
}
