/**
 * Checks that a run takes no worker of version 2 for one of version 1 because connections with it break: version 1
 * cannot enforce limits, and nobody sees that its workers hang. What a run says about its workers tells: only those
 * of version 2 have said how many slots they have.
 */

import assert from "node:assert/strict";

/**
 * A worker may be doubted after more accidents than these since it was used with version 2 last. One that was not used
 * in this start of the run yet may be doubted after more in all.
 */
const ACCIDENTS_MAX = 5;

const ARRIVAL = /^worker (machine-\d+)\S* (?:joined|is back)(: \d+ slots?)?$/;

/** What a run says about workers that speak version 2. */
export class VersionCheck {
  readonly #machines: ReadonlySet<string>;
  /** All accidents of each machine. */
  readonly #accidents = new Map<string, number>();
  /** How many there had been when this start of the run used its worker with version 2 last. */
  #seen = new Map<string, number>();

  /** `machines`: those with workers of version 2. */
  constructor(machines: Iterable<string>) {
    this.#machines = new Set(machines);
  }

  /** The run starts, and knows no worker. */
  onStart(): void {
    this.#seen = new Map();
  }

  /** Something may have ended connections with a machine, or kept them from saying what they speak. */
  onAccidents(machine: string, count: number): void {
    this.#accidents.set(machine, count + (this.#accidents.get(machine) ?? 0));
  }

  /** The run has logged this. */
  onLogged(text: string): void {
    const [, machine = "", slots] = ARRIVAL.exec(text) ?? [];
    if (!this.#machines.has(machine)) return;
    const all = this.#accidents.get(machine) ?? 0;
    if (slots !== undefined) return void this.#seen.set(machine, all);
    const accidents = all - (this.#seen.get(machine) ?? 0);
    assert(
      accidents > ACCIDENTS_MAX,
      `${machine} speaks version 2, but is used with version 1 after ${accidents} accidents`,
    );
  }
}
