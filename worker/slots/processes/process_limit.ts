/** Bounds how many processes a slot has at once: killed processes that never exit would otherwise pile up. */

import type { SlotProcess } from "./slot_process.ts";

/**
 * Each process may hold a job's memory, or a device. Normally a slot has at most two: one unloads its core
 * while the next one starts.
 */
const PROCESSES_MAX = 3;

/** The processes of one slot that still exist: the one in use, those that are ending, and those given up. */
export class ProcessLimit {
  readonly #processes = new Set<SlotProcess>();
  readonly #waiting = new Set<() => void>();

  get isReached(): boolean {
    return this.#processes.size >= PROCESSES_MAX;
  }

  /** How many wait for room. */
  get waiters(): number {
    return this.#waiting.size;
  }

  /** The processes as text, for messages. */
  get names(): string {
    return `processes ${[...this.#processes].map(({ pid }) => pid).join(", ")}`;
  }

  /** Counts a process until it has exited. */
  add(process: SlotProcess): void {
    this.#processes.add(process);
    void process.exited.then(() => {
      this.#processes.delete(process);
      for (const check of this.#waiting) check();
    });
  }

  /** Resolves when one more process may be started; rejects when `signal` aborts. */
  waitForRoom(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (signal.aborted) reject(signal.reason);
        else if (!this.isReached) resolve();
        else return;
        this.#waiting.delete(check);
        signal.removeEventListener("abort", check);
      };
      this.#waiting.add(check);
      signal.addEventListener("abort", check);
      check();
    });
  }
}
