/**
 * Checks that a run takes no worker of version 2 for one of version 1 because connections with it break: version 1
 * cannot enforce limits, and nobody sees that its workers hang. What a run says about its workers tells: only those
 * of version 2 have said how many slots they have.
 */

import assert from "node:assert/strict";

/** A worker may be doubted after more accidents than these since it was used with version 2 last. */
const ACCIDENTS_MAX = 5;

const ARRIVAL = /^worker (machine-\d+)\S* (?:joined|is back)(: \d+ slots?)?$/;

/** What one start of a run says about honest workers. */
export class VersionCheck {
  /** The accidents of each worker since it was used with version 2 last. */
  readonly #accidents = new Map<string, number>();

  /** Something may have ended connections with a machine, or kept them from saying what they speak. */
  onAccidents(machine: string, count: number): void {
    const accidents = this.#accidents.get(machine);
    if (accidents !== undefined) this.#accidents.set(machine, accidents + count);
  }

  /** The run has logged this. */
  onLogged(text: string): void {
    const [, machine, slots] = ARRIVAL.exec(text) ?? [];
    if (machine === undefined) return;
    if (slots !== undefined) return void this.#accidents.set(machine, 0);
    const accidents = this.#accidents.get(machine) ?? Infinity;
    assert(
      accidents > ACCIDENTS_MAX,
      `${machine} speaks version 2, but is used with version 1 after ${accidents} accidents`,
    );
  }
}
