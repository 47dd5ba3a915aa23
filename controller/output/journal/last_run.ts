/** What holds for the last run of a journal only. */

import type { RunEvent } from "./journal_record.ts";
import type { RunEnding } from "./run_ending.ts";

/** Begins anew with each run, as with inputs that could not be used: every run tries them again. */
export class OfLastRun<T> {
  readonly #make: () => T;
  #value: T;
  #isOver = false;

  constructor(make: () => T) {
    this.#make = make;
    this.#value = make();
  }

  get value(): T {
    if (this.#isOver) this.#value = this.#make();
    this.#isOver = false;
    return this.#value;
  }

  onRun(event: RunEvent, ending?: RunEnding): void {
    // One that ends without a record, and does not say how, has only locked the outputs.
    this.#isOver = event === "begun" || (this.#isOver && ending !== undefined);
  }
}
