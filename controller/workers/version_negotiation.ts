/**
 * Which protocol version to offer to a worker: the newest first, an older one after a refusal.
 *
 * Version 1 says that a worker refuses with an answer, but some just close the connection. A tunnel that is
 * open before its worker closes in the same way, and such a worker must not be used as one of version 1.
 */

import { LATEST_VERSION } from "../../protocol/mod.ts";

interface Offer {
  readonly version: number;
  /** The worker does not speak the next newer version: it need not be offered again. */
  readonly isFinal: boolean;
  /** How often the next newer version was offered, and the connection ended without an answer. */
  readonly unanswered: number;
}

const NEWEST: Offer = { version: LATEST_VERSION, isFinal: false, unanswered: 0 };

/** A version that was offered this often without an answer is one that the worker does not speak. */
const UNANSWERED_MAX = 2;

/** One worker, for as long as a run lasts. */
export class VersionNegotiation {
  #offer = NEWEST;
  /** Versions that were refused since one was agreed on. */
  readonly #refused = new Set<number>();

  /** The version to offer on the next connection. */
  get version(): number {
    return this.#offer.version;
  }

  /** The worker does not speak `version`. Returns whether there is another one to offer. */
  onRefused(version: number): boolean {
    // One that refuses version 1 may have been replaced by a worker that speaks newer versions alone.
    this.#offer = version > 1 ? { version: version - 1, isFinal: true, unanswered: 0 } : NEWEST;
    this.#refused.add(version);
    if (this.#refused.size < LATEST_VERSION) return true;
    this.#refused.clear();
    return false;
  }

  /** A connection has ended before the offer was answered. */
  onUnanswered(): void {
    const { version, isFinal, unanswered } = this.#offer;
    this.#refused.clear();
    if (isFinal) return;
    this.#offer = version > 1
      ? { version: version - 1, isFinal, unanswered: unanswered + 1 }
      : { ...NEWEST, unanswered };
  }

  /**
   * The worker speaks `version`. Returns whether to use it. Otherwise a newer version was offered too rarely
   * to know that the worker does not speak it, and is to be offered once more.
   */
  onAgreed(version: number): boolean {
    const { isFinal, unanswered } = this.#offer;
    this.#refused.clear();
    if (version === LATEST_VERSION || isFinal) return true;
    const isNowFinal = unanswered >= UNANSWERED_MAX;
    this.#offer = isNowFinal ? { version, isFinal: true, unanswered } : { ...NEWEST, unanswered };
    return isNowFinal;
  }
}
