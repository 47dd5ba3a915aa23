/** The end of a connection whose controller sends nothing more, and may still want its answers. */

import type { Link } from "../../link/link.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { ConnectionBacklog } from "./flow_control.ts";

/** Ends a connection when its controller has ended its sending and everything is answered. */
export class LastAnswers {
  readonly #clock: Clock;
  readonly #link: Pick<Link, "end" | "close">;
  readonly #backlog: ConnectionBacklog;
  /** Set when the controller closes its sending side; closes the connection when it fires. */
  #deadline: Timer | undefined;

  constructor(clock: Clock, link: Pick<Link, "end" | "close">, backlog: ConnectionBacklog) {
    this.#clock = clock;
    this.#link = link;
    this.#backlog = backlog;
  }

  /** The controller has closed its sending side. It gets the answers of the next `limitMs`. */
  onPeerEnded(limitMs: number): void {
    this.#deadline = this.#clock.after(limitMs, () => this.#link.close());
    this.onShrunk();
  }

  /** A message was answered. */
  onShrunk(): void {
    const { jobs, cores, parts } = this.#backlog;
    if (!this.#deadline || jobs.count + cores.count + parts.count > 0) return;
    this.#deadline.stop(); // no deadline for reading the answers
    void this.#link.end();
  }

  /** The connection is closed. */
  close(): void {
    this.#deadline?.stop();
  }
}
