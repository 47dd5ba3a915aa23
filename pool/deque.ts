/** A double-ended queue in a ring: jobs enter at the back, and come back to the front. */

const FIRST_CAPACITY = 16;

/** Constant time at both ends; memory follows the largest length by at most a factor of four. */
export class Deque<T> {
  #ring: (T | undefined)[] = new Array(FIRST_CAPACITY);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head];
  }

  pushBack(item: T): void {
    if (this.#length === this.#ring.length) this.#resize(2 * this.#length);
    this.#ring[this.#at(this.#length)] = item;
    this.#length += 1;
  }

  pushFront(item: T): void {
    if (this.#length === this.#ring.length) this.#resize(2 * this.#length);
    this.#head = this.#at(this.#ring.length - 1);
    this.#ring[this.#head] = item;
    this.#length += 1;
  }

  popFront(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = this.#at(1);
    this.#length -= 1;
    if (this.#ring.length > FIRST_CAPACITY && this.#length < this.#ring.length / 4) {
      this.#resize(this.#ring.length / 2);
    }
    return item;
  }

  /** The first that `matches`. */
  find(matches: (item: T) => boolean): T | undefined {
    for (let offset = 0; offset < this.#length; offset++) {
      const item = this.#ring[this.#at(offset)] as T;
      if (matches(item)) return item;
    }
    return undefined;
  }

  /** Takes one item out. Costs as much as the item is far from the front. */
  remove(item: T): boolean {
    let offset = 0;
    while (offset < this.#length && this.#ring[this.#at(offset)] !== item) offset += 1;
    if (offset === this.#length) return false;
    for (; offset > 0; offset--) this.#ring[this.#at(offset)] = this.#ring[this.#at(offset - 1)];
    this.popFront();
    return true;
  }

  /** Takes out everything that `matches`, keeping the order of both parts. */
  takeWhere(matches: (item: T) => boolean): T[] {
    const taken: T[] = [];
    for (let left = this.#length; left > 0; left--) {
      const item = this.popFront() as T;
      if (matches(item)) taken.push(item);
      else this.pushBack(item);
    }
    return taken;
  }

  /** Capacities are powers of two, so that this is one `&`. */
  #at(offset: number): number {
    return (this.#head + offset) & (this.#ring.length - 1);
  }

  #resize(capacity: number): void {
    const ring: (T | undefined)[] = new Array(capacity);
    for (let index = 0; index < this.#length; index++) ring[index] = this.#ring[this.#at(index)];
    this.#ring = ring;
    this.#head = 0;
  }
}
