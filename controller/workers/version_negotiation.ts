/**
 * Chooses the protocol version to offer to a worker: the newest first, an older one after a refusal.
 *
 * According to version 1, a worker refuses with an answer, but some workers just close the connection. A tunnel
 * whose worker is not running yet does the same, and that worker must not be downgraded to version 1. Other workers of
 * version 1 accept every version, and refuse the first message of version 2, or close then.
 */

import { LATEST_VERSION } from "../../protocol/mod.ts";

interface Offer {
  readonly version: number;
  /** Whether the worker is known not to speak the next newer version, which is then not offered again. */
  readonly isFinal: boolean;
  /** How often the connection ended without an answer after the next newer version was offered. */
  readonly unanswered: number;
}

const NEWEST: Offer = { version: LATEST_VERSION, isFinal: false, unanswered: 0 };

/**
 * After this many offers without an answer, the worker is assumed not to speak the version: it closes instead. Fewer
 * may be accidents, and a worker of version 2 that is used with version 1 cannot be seen to hang. A worker that has
 * agreed on the version before has more likely lost its connection, or its power.
 */
const UNANSWERED_MAX = 3;
const UNANSWERED_AFTER_AGREEMENT_MAX = 10;

/** The negotiation with one worker during a run. */
export class VersionNegotiation {
  #offer = NEWEST;
  #hasAgreedOnLatest = false;
  /** Versions that were refused since the last agreement. */
  readonly #refused = new Set<number>();

  /** The version to offer on the next connection. */
  get version(): number {
    return this.#offer.version;
  }

  /** The worker has refused `version`. Returns whether there is another one to offer. */
  onRefused(version: number): boolean {
    // A worker that refuses version 1 may be a new one at the same address that speaks only newer versions.
    this.#offer = version > 1 ? { version: version - 1, isFinal: true, unanswered: 0 } : NEWEST;
    this.#refused.add(version);
    if (this.#refused.size < LATEST_VERSION) return true;
    this.#refused.clear();
    return false;
  }

  /** A connection has ended before the offer was answered, or before the worker has described itself. */
  onUnanswered(): void {
    const { version, isFinal, unanswered } = this.#offer;
    this.#refused.clear();
    if (isFinal) return;
    this.#offer = version > 1
      ? { version: version - 1, isFinal, unanswered: unanswered + 1 }
      : { ...NEWEST, unanswered };
  }

  /**
   * The worker has accepted `version`. Returns whether to use it. If not, a newer version must be offered again,
   * because the worker may speak it after all.
   */
  onAgreed(version: number): boolean {
    const { isFinal, unanswered } = this.#offer;
    this.#refused.clear();
    if (version === LATEST_VERSION) {
      this.#hasAgreedOnLatest = true;
      this.#offer = NEWEST;
      return true;
    }
    if (isFinal) return true;
    const limit = this.#hasAgreedOnLatest ? UNANSWERED_AFTER_AGREEMENT_MAX : UNANSWERED_MAX;
    // Only a refusal is final: the next connection may be to a worker that speaks a newer version after all.
    this.#offer = { ...NEWEST, unanswered };
    return unanswered >= limit;
  }
}
