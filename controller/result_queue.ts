/** A queue of results for one consumer: in the order of the inputs, or in the order of arrival. */

/** The most results, and bytes of results, that wait for the consumer. Above either, no more inputs are taken. */
const WAITING_MAX = 1024;
const WAITING_BYTES_MAX = 64 * 1024 * 1024;

/** One producer calls `add`, `end`, `fail` and `room`; one consumer uses `for await` and `cancel`. */
export class ResultQueue<T> implements AsyncIterable<T> {
  readonly #ordered: boolean;
  /** Results by the input's index, or by the order of arrival. */
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

  /** Whether the consumer wants no more results. */
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

  /** Sets the total number of results. */
  end(count: number): void {
    this.#count = count;
    this.#wakeConsumer?.();
  }

  /** There will be no more results. The iteration yields those that have arrived in order, then throws `error`. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.cancel();
    this.#wakeConsumer?.();
  }

  /** Resolves when more inputs may be taken. */
  async room(): Promise<void> {
    while (!this.hasRoom) await new Promise<void>((resolve) => this.#wakeProducer = resolve);
  }

  /** The consumer wants no more results. */
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
