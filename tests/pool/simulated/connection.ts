/** A simulated connection between a controller and a worker: ordered, with latency, and it may break. */

import type { Timeline } from "./timeline.ts";

/** How long the two ends take to notice that it is broken. */
const NOTICE_MS = { controller: 3, worker: 40 };

/** One end of a connection. */
interface End {
  onClosed(connection: Connection): void;
}

/** A connection with two ends. */
export class Connection {
  readonly #timeline: Timeline;
  readonly #latencyMs: number;
  readonly #controller: End;
  readonly #worker: End;
  #isBroken = false;

  constructor(timeline: Timeline, latencyMs: number, controller: End, worker: End) {
    this.#timeline = timeline;
    this.#latencyMs = latencyMs;
    this.#controller = controller;
    this.#worker = worker;
  }

  /** Carries a message, which is lost if the connection breaks on its way. */
  carry(act: () => void): void {
    if (this.#isBroken) return;
    this.#timeline.after(this.#latencyMs, () => !this.#isBroken && act());
  }

  /** Breaks: loses what is on its way. Both ends notice, each after its own delay. */
  break(): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#timeline.after(NOTICE_MS.controller, () => this.#controller.onClosed(this));
    this.#timeline.after(NOTICE_MS.worker, () => this.#worker.onClosed(this));
  }
}
