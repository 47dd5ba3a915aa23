/**
 * The names of the nodes of a run. A worker says how its machine is called, or what its owner calls it. Several workers
 * may say the same: two of them run on one machine, or were given one name. Then the later ones get a number.
 */

/** The names that are in use. */
export class NodeNames {
  readonly #used = new Set<string>();

  /** A name for a worker that says `said`, until `release`. */
  take(said: string): string {
    let name = said;
    for (let number = 2; this.#used.has(name); number++) name = `${said}#${number}`;
    this.#used.add(name);
    return name;
  }

  /** The worker with this name is gone. */
  release(name: string): void {
    this.#used.delete(name);
  }
}
