/** Bounds how many processes there are at once: those that the system does not let end would pile up. */

import type { Child } from "../../system/child.ts";

/**
 * Each may hold a job's memory, or a device. Where all end, a slot has two for a moment: one unloads its core
 * while the next one starts.
 */
const PROCESSES_MAX = 3;

/** Processes that are not gone; of a slot, the one that works, those that end, and those given up. */
export class ProcessRoom {
  readonly #children = new Set<Child>();
  readonly #waiting = new Set<(hasChanged: boolean) => void>();

  get isFull(): boolean {
    return this.#children.size >= PROCESSES_MAX;
  }

  /** Who is in it, for people. */
  get names(): string {
    return `processes ${[...this.#children].map(({ pid }) => pid).join(", ")}`;
  }

  /** A process takes its place, until it is gone. */
  add(child: Child): void {
    this.#children.add(child);
    void child.ended.then(() => {
      this.#children.delete(child);
      this.wake();
    });
  }

  /** Waits until a process is gone, or for `wake`. False if neither happens within `limitMs`. */
  async changed(limitMs?: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = limitMs === undefined ? undefined : setTimeout(() => resolve(false), limitMs);
    this.#waiting.add(resolve);
    const hasChanged = await promise;
    clearTimeout(timer);
    this.#waiting.delete(resolve);
    return hasChanged;
  }

  /** Has those that wait look again. */
  wake(): void {
    for (const resolve of this.#waiting) resolve(true);
  }
}
