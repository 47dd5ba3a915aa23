/** A queue of results for whoever iterates over them: in the order of their inputs, or as they arrive. */

/** Results that wait to be taken. With more, or with more bytes, no further inputs are taken. */
const WAITING_MAX = 1024;
const WAITING_BYTES_MAX = 64 * 1024 * 1024;

/** One producer's side (`add`, `end`, `fail`, `room`) and one consumer's (`for await`, `cancel`). */
export class ResultQueue<T> implements AsyncIterable<T> {
  readonly #ordered: boolean;
  /** By the input's index, or by the order of arrival. */
  readonly #results = new Map<number, { readonly result: T; readonly bytes: number }>();
  #bytes = 0;
  #arrived = 0;
  #taken = 0;
  #count = Infinity;
  #failure: { readonly error: unknown } | undefined;
  #wakeConsumer: (() => void) | undefined;
  #wakeProducer: (() => void) | undefined;
  #isCanceled = false;

  constructor(ordered: boolean) {
    this.#ordered = ordered;
  }

  /** Whether no further results are wanted. */
  get isCanceled(): boolean {
    return this.#isCanceled;
  }

  /** Whether more inputs may be taken. */
  get hasRoom(): boolean {
    return this.#isCanceled ||
      (this.#results.size < WAITING_MAX && this.#bytes < WAITING_BYTES_MAX);
  }

  /** Adds the result of the input with this index, and its size. */
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

  /** There will be no more results. The iteration gives those it can, then throws `error`. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.cancel();
    this.#wakeConsumer?.();
  }

  /** Resolves when more inputs may be taken. */
  async room(): Promise<void> {
    while (!this.hasRoom) await new Promise<void>((resolve) => this.#wakeProducer = resolve);
  }

  /** No further results are wanted. */
  cancel(): void {
    this.#isCanceled = true;
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
      } else if (this.#failure) {
        throw this.#failure.error;
      } else {
        await new Promise<void>((resolve) => this.#wakeConsumer = resolve);
      }
    }
  }
}
