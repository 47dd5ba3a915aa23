/** Results on their way to whoever iterates over them, in the order of their inputs or as they come. */

/** Results that nobody has taken yet: beyond this, no more inputs are taken either. */
const UNTAKEN_MAX = 1024;
const UNTAKEN_BYTES_MAX = 64 * 1024 * 1024;

/** One producer's side (`add`, `end`, `fail`, `room`) and one consumer's (`for await`, `cancel`). */
export class ResultQueue<T> implements AsyncIterable<T> {
  readonly #ordered: boolean;
  /** By place: the index of the input, or the place in the order of arrival. */
  readonly #results = new Map<number, { readonly result: T; readonly bytes: number }>();
  #bytes = 0;
  #arrived = 0;
  #taken = 0;
  #count = Infinity;
  #failure: unknown;
  #hasFailed = false;
  #wakeConsumer: (() => void) | undefined;
  #wakeProducer: (() => void) | undefined;
  isCancelled = false;

  constructor(ordered: boolean) {
    this.#ordered = ordered;
  }

  /** The result of the input with this index, and what it weighs. */
  add(index: number, result: T, bytes: number): void {
    this.#results.set(this.#ordered ? index : this.#arrived, { result, bytes });
    this.#bytes += bytes;
    this.#arrived += 1;
    this.#wakeConsumer?.();
  }

  /** There will be `count` results in all. */
  end(count: number): void {
    this.#count = count;
    this.#wakeConsumer?.();
  }

  /** There will be no more; the iteration throws `error` once it has given what there is. */
  fail(error: unknown): void {
    this.#failure = error;
    this.#hasFailed = true;
    this.cancel();
    this.#wakeConsumer?.();
  }

  /** Resolves when more inputs may be taken. */
  async room(): Promise<void> {
    while (this.#isFull && !this.isCancelled) {
      await new Promise<void>((resolve) => this.#wakeProducer = resolve);
    }
  }

  get #isFull(): boolean {
    return this.#results.size >= UNTAKEN_MAX || this.#bytes >= UNTAKEN_BYTES_MAX;
  }

  /** Nobody wants further results. */
  cancel(): void {
    this.isCancelled = true;
    this.#wakeProducer?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    while (this.#taken < this.#count) {
      const next = this.#results.get(this.#taken);
      if (next !== undefined) {
        this.#results.delete(this.#taken);
        this.#bytes -= next.bytes;
        this.#taken += 1;
        this.#wakeProducer?.();
        yield next.result;
      } else if (this.#hasFailed) {
        throw this.#failure;
      } else {
        await new Promise<void>((resolve) => this.#wakeConsumer = resolve);
      }
    }
  }
}
