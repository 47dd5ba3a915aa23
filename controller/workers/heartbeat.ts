/** The heartbeat of one worker: when to ping it, and when to give it up. */

import type { Link } from "../../link/link.ts";
import { Silence } from "../../link/silence.ts";
import { PING_MS, WORKER_SILENT_MS_MAX } from "../../protocol/mod.ts";

/** The most sent bytes that the buffers of both machines and the network may hold. */
const BUFFERED_BYTES_MAX = 8 * 1024 * 1024;

/** The slowest link that is supported, 100 kB/s. */
export const SLOWEST_LINK_BYTES_PER_MS = 100;

/** How long a worker may be silent that was asked whether it is still there. */
const ASKED_MS_MAX = 5_000;

/** What a connection knows about its worker. */
export type Signs = Pick<Link, "signsOfLife" | "unacknowledgedBytes">;

/** What to do with a worker now. */
export type HeartbeatAction =
  | { readonly kind: "none" }
  | { readonly kind: "ping" }
  | { readonly kind: "give up"; readonly reason: string };

const NONE: HeartbeatAction = { kind: "none" };
const PING: HeartbeatAction = { kind: "ping" };

/** The heartbeat of one connection of version 2 or later; version 1 has no ping. */
export class Heartbeat {
  #silence = new Silence();
  /** Those who have asked whether the worker is still there. */
  #onAlive: (() => void)[] = [];
  #sentAtMs: number;

  constructor(nowMs: number) {
    this.#sentAtMs = nowMs;
  }

  /** A message was sent that the worker answers at once. Jobs do not count, because they may take long. */
  onSent(nowMs: number): void {
    this.#sentAtMs = nowMs;
  }

  /**
   * The worker is asked whether it is still there. Until it answers, it may be silent for a shorter time, which begins
   * with the first question.
   */
  onAsked(onAlive: () => void): void {
    if (this.#onAlive.length === 0) this.#silence = new Silence();
    this.#onAlive.push(onAlive);
  }

  /** It has answered a ping. */
  onAnswered(): void {
    for (const onAlive of this.#onAlive.splice(0)) onAlive();
  }

  /** Call it several times a second. `isListening`: whether the worker's messages are being read. */
  check(signs: Signs, isListening: boolean, nowMs: number): HeartbeatAction {
    const silentMs = this.#silence.poll(signs.signsOfLife, isListening, nowMs);
    // A ping arrives only after everything that was sent before it, so allow for the time of that transfer.
    const inTransitMs = Math.min(signs.unacknowledgedBytes, BUFFERED_BYTES_MAX) /
      SLOWEST_LINK_BYTES_PER_MS;
    const silentMsMax = this.#onAlive.length > 0 ? ASKED_MS_MAX : WORKER_SILENT_MS_MAX;
    if (silentMs >= silentMsMax + inTransitMs) {
      return { kind: "give up", reason: `no response for ${Math.round(silentMs / 1000)}s` };
    }
    return nowMs - this.#sentAtMs >= PING_MS ? PING : NONE;
  }
}
