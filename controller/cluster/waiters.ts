/** Those who wait until something changes. */
export class Waiters {
  #waiting: (() => void)[] = [];

  get count(): number {
    return this.#waiting.length;
  }

  /** Resolves with the next `wake`. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
