/** What a run has opened is closed in reverse order. What cannot be closed leaves nothing else open. */

/** The functions that close it. */
export class Closers {
  readonly #closers: (() => unknown)[] = [];

  /** Something is open: `close` closes it, before everything that was opened earlier. */
  add(close: () => unknown): void {
    this.#closers.push(close);
  }

  /** Closes everything. Resolves to the errors of what could not be closed; never rejects. */
  async close(): Promise<unknown[]> {
    const errors: unknown[] = [];
    for (const close of this.#closers.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }
}
