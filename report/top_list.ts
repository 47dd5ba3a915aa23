/** The largest of many things, such as the jobs that took longest. */

/** Keeps this many of them. */
export class TopList<T> {
  readonly #max: number;
  readonly #items: { readonly value: number; readonly item: T }[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** Whether something with this value would be among them. */
  takes(value: number): boolean {
    const last = this.#items.at(-1);
    return this.#items.length < this.#max || (last !== undefined && value > last.value);
  }

  add(value: number, item: T): void {
    if (!this.takes(value)) return;
    const at = this.#items.findLastIndex((other) => other.value >= value) + 1;
    this.#items.splice(at, 0, { value, item });
    if (this.#items.length > this.#max) this.#items.pop();
  }

  /** The largest first. */
  get items(): T[] {
    return this.#items.map(({ item }) => item);
  }
}
