/**
 * Checks that a run takes no worker of version 2 for one of version 1 because a few connections with it break: version
 * 1 cannot enforce limits, and nobody sees that its workers hang. What a run says about its workers tells: only those
 * of version 2 have said how many slots they have.
 */

import assert from "node:assert/strict";
import type { ByteStream } from "../../runtime/ports.ts";
import { type Offers, WatchedStream } from "./version_offers.ts";

/**
 * A worker may be doubted after so many offers of version 2 without a description, and after more if it has given one.
 * Faults are no measure: one can spoil several connections, or none, or one that has its answer.
 */
const UNANSWERED_MIN = 3;
const UNANSWERED_AFTER_AGREEMENT_MIN = 10;

const ARRIVAL = /^worker (machine-\d+)\S* (?:joined|is back)(: \d+ slots?)?$/;

/** What a run says about workers that speak version 2. */
export class VersionCheck {
  readonly #machines: ReadonlySet<string>;
  /** The offers of this start of the run. */
  #offers = new Map<string, Offers>();

  /** `machines`: those with workers of version 2. */
  constructor(machines: Iterable<string>) {
    this.#machines = new Set(machines);
  }

  /** The run starts, and knows no worker. */
  onStart(): void {
    this.#offers = new Map();
  }

  /** The run's end of a connection. */
  watch(stream: ByteStream): ByteStream {
    return new WatchedStream(stream, this.#offersTo(stream.peer));
  }

  /** Whether the run's last connection with this machine has agreed on version 1. */
  isVersion1(machine: string): boolean {
    return this.#offersTo(machine).isVersion1;
  }

  /** The run has logged this. */
  onLogged(text: string): void {
    const [, machine = "", slots] = ARRIVAL.exec(text) ?? [];
    if (!this.#machines.has(machine) || slots !== undefined) return;
    const { unanswered, hasDescribed } = this.#offersTo(machine);
    assert(
      unanswered >= (hasDescribed ? UNANSWERED_AFTER_AGREEMENT_MIN : UNANSWERED_MIN),
      `${machine} speaks version 2, but is used with version 1 after ${unanswered} offers without a description`,
    );
  }

  #offersTo(machine: string): Offers {
    const offers = this.#offers.get(machine) ??
      { unanswered: 0, hasDescribed: false, isVersion1: false };
    this.#offers.set(machine, offers);
    return offers;
  }
}
