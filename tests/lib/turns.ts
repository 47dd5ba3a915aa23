/** Counts turns of the event loop: they show whether other work goes on meanwhile. */
export class Turns {
  count = 0;
  #next = setImmediate(() => this.#onTurn());

  stop(): void {
    clearImmediate(this.#next);
  }

  #onTurn(): void {
    this.count += 1;
    this.#next = setImmediate(() => this.#onTurn());
  }
}
