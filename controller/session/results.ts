/** The results of a map that the caller has not taken: in the order of the inputs, or in that of arrival. */

/** The most results, and bytes of results and their inputs, that wait. Above either, no more inputs are taken. */
const WAITING_MAX = 1024;
const WAITING_BYTES_MAX = 64 * 1024 * 1024;

/** Results, and the bytes that they and their inputs hold. */
export class Results<T> {
  readonly #ordered: boolean;
  /** By the place of the input, or by the order of arrival. */
  readonly #waiting = new Map<number, { readonly result: T; readonly bytes: number }>();
  #bytes = 0;
  #arrived = 0;
  #taken = 0;

  constructor(ordered: boolean) {
    this.#ordered = ordered;
  }

  /** Whether more results may come. */
  get hasRoom(): boolean {
    return this.#waiting.size < WAITING_MAX && this.#bytes < WAITING_BYTES_MAX;
  }

  /** How many the caller has taken. */
  get taken(): number {
    return this.#taken;
  }

  add(place: number, result: T, bytes: number): void {
    this.#waiting.set(this.#ordered ? place : this.#arrived, { result, bytes });
    this.#bytes += bytes;
    this.#arrived += 1;
  }

  /** Drops all results. */
  clear(): void {
    this.#waiting.clear();
    this.#bytes = 0;
  }

  /** The next result, if it is there. */
  take(): T | undefined {
    const next = this.#waiting.get(this.#taken);
    if (!next) return undefined;
    this.#waiting.delete(this.#taken);
    this.#bytes -= next.bytes;
    this.#taken += 1;
    return next.result;
  }
}
