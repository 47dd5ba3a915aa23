/** Who may act when only a few may at once. */

/** Acts that run a few at a time, in the order in which they were asked for. */
export class Turns {
  readonly #atOnceMax: number;
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  #running = 0;
  #closedFor: Error | undefined;

  constructor(atOnceMax: number) {
    this.#atOnceMax = atOnceMax;
  }

  /** Acts when it is its turn, and gives what that gave. Rejects, without having acted, after `close`. */
  async take<T>(act: () => Promise<T>): Promise<T> {
    await this.#begin();
    try {
      return await act();
    } finally {
      this.#end();
    }
  }

  /** Nothing more begins; what runs goes on. */
  close(reason: Error): void {
    this.#closedFor = reason;
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }

  async #begin(): Promise<void> {
    if (this.#closedFor) throw this.#closedFor;
    if (this.#running < this.#atOnceMax) {
      this.#running += 1;
      return;
    }
    const turn = Promise.withResolvers<void>();
    this.#waiting.push(turn);
    await turn.promise;
  }

  /** Hands the place over to who waits: nobody who comes later is faster. */
  #end(): void {
    const next = this.#waiting.shift();
    if (next) next.resolve();
    else this.#running -= 1;
  }
}
