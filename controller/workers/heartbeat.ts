/** The heartbeat of one worker: when to ping it, and when it has been silent for too long. */

import type { Link } from "../../link/link.ts";
import { Silence } from "../../link/silence.ts";
import { PING_MS, WORKER_SILENT_MS_MAX } from "../../protocol/mod.ts";

/** What the two systems and the network between them may hold of what was sent. */
const BUFFERED_BYTES_MAX = 8 * 1024 * 1024;

/** The slowest link that is still of use, 100 kB/s. */
export const SLOWEST_BYTES_PER_MS = 100;

/** What a connection shows of its worker. */
export type Signs = Pick<Link, "signsOfLife" | "unacknowledgedBytes">;

/** What to do about a worker now. */
export type HeartbeatAction =
  | { readonly kind: "none" }
  | { readonly kind: "ping" }
  | { readonly kind: "give up"; readonly silentMs: number };

const NONE: HeartbeatAction = { kind: "none" };
const PING: HeartbeatAction = { kind: "ping" };

/** One connection of version 2 or later; version 1 has no ping. */
export class Heartbeat {
  readonly #silence = new Silence();
  #sentAtMs: number;

  constructor(nowMs: number) {
    this.#sentAtMs = nowMs;
  }

  /** A message was sent that the worker answers at once. Jobs do not count: they may take long. */
  onSent(nowMs: number): void {
    this.#sentAtMs = nowMs;
  }

  /** Call it several times a second. `isListening`: what the worker sends is read. */
  check(signs: Signs, isListening: boolean, nowMs: number): HeartbeatAction {
    const silentMs = this.#silence.look(signs.signsOfLife, isListening, nowMs);
    // A ping arrives after everything that was sent before it.
    const inTransitMs = Math.min(signs.unacknowledgedBytes, BUFFERED_BYTES_MAX) /
      SLOWEST_BYTES_PER_MS;
    if (silentMs >= WORKER_SILENT_MS_MAX + inTransitMs) return { kind: "give up", silentMs };
    return nowMs - this.#sentAtMs >= PING_MS ? PING : NONE;
  }
}
