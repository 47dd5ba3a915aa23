/** Who may act when only a few may at once. */

/** Acts that run a few at a time, in the order in which they were asked for. */
export class Semaphore {
  readonly #atOnceMax: number;
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  readonly #closing = new AbortController();
  #running = 0;

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

  /** Aborts at `close`. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** Nothing more begins; what runs goes on, unless it looks at `closed`. */
  close(reason: Error): void {
    this.#closing.abort(reason);
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }

  async #begin(): Promise<void> {
    this.closed.throwIfAborted();
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
