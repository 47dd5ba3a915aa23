/**
 * Tells a controller again and again that it is not read. Its pings are not read either, so that it might take the
 * worker for silent.
 */

import type { Link } from "../../link/link.ts";
import { encodeArrivalRate, PING_MS } from "../../protocol/mod.ts";

/** The link of a controller that is told. */
export type NotifiedLink = Pick<Link, "isClosed" | "pendingBytes" | "writer">;

/** The notices of one connection: its bytes arrive at a rate of 0. */
export class UnreadNotices {
  readonly #link: NotifiedLink;
  #toldAtMs = -Infinity;

  constructor(link: NotifiedLink) {
    this.#link = link;
  }

  /** Call it several times a second while the controller, which speaks version 2, is not read. */
  onTick(nowMs: number): void {
    const { isClosed, pendingBytes, writer } = this.#link;
    // What is pending is a sign of life, too, once the controller reads.
    if (isClosed || pendingBytes > 0 || nowMs - this.#toldAtMs < PING_MS) return;
    this.#toldAtMs = nowMs;
    writer.whole(encodeArrivalRate(0));
  }
}
