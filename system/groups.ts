/** Things in the order in which they came, in groups of which none can push the others aside. */

/** Things in groups. Each is there once. */
export class Groups<T> {
  /** The order of the groups is that of their turns. */
  readonly #members = new Map<string, Set<T>>();
  readonly #groups = new Map<T, string>();

  get size(): number {
    return this.#groups.size;
  }

  add(group: string, item: T): void {
    const members = this.#members.get(group) ?? new Set();
    this.#members.set(group, members.add(item));
    this.#groups.set(item, group);
  }

  /** Returns whether it was there. */
  delete(item: T): boolean {
    const group = this.#groups.get(item);
    if (group === undefined) return false;
    this.#groups.delete(item);
    const members = this.#members.get(group);
    members?.delete(item);
    if (members?.size === 0) this.#members.delete(group);
    return true;
  }

  /** Takes the oldest one of the largest group. */
  takeOfLargest(): T | undefined {
    return this.#takeOldest(this.#largest);
  }

  /** Takes the newest one of it. */
  takeNewestOfLargest(): T | undefined {
    const item = [...this.#largest ?? []].at(-1);
    if (item !== undefined) this.delete(item);
    return item;
  }

  /** Takes the oldest one of the group whose turn it is. */
  takeInTurn(): T | undefined {
    return this.#takeInTurn((members) => members.values().next().value);
  }

  /** Takes the newest one of it. */
  takeNewestInTurn(): T | undefined {
    return this.#takeInTurn((members) => [...members].at(-1));
  }

  /** Takes all. */
  *takeAll(): Generator<T> {
    for (const item of [...this.#groups.keys()]) {
      if (this.delete(item)) yield item;
    }
  }

  get #largest(): Set<T> | undefined {
    let largest: Set<T> | undefined;
    for (const members of this.#members.values()) {
      if (members.size > (largest?.size ?? 0)) largest = members;
    }
    return largest;
  }

  #takeInTurn(choose: (members: Set<T>) => T | undefined): T | undefined {
    const [group, members] = this.#members.entries().next().value ?? [];
    if (group === undefined || !members) return undefined;
    const item = choose(members);
    if (item !== undefined) this.delete(item);
    if (members.size > 0) {
      this.#members.delete(group); // to the end of the order
      this.#members.set(group, members);
    }
    return item;
  }

  #takeOldest(members: Set<T> | undefined): T | undefined {
    const item = members?.values().next().value;
    if (item !== undefined) this.delete(item);
    return item;
  }
}
