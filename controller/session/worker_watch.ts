/** Watches the workers of a session: which are connected, and which have loaded the core. */

import type { ClusterWorker } from "../cluster/cluster_types.ts";
import type { WorkerInfo } from "./types.ts";

/** The workers that are connected. */
export class WorkerWatch {
  readonly #workers = new Map<ClusterWorker, WorkerInfo>();
  #waiting: PromiseWithResolvers<void>[] = [];

  get workers(): readonly WorkerInfo[] {
    return [...this.#workers.values()];
  }

  /** The slots of those that have loaded the core. */
  get slots(): number {
    return this.workers.reduce((sum, { slots = 1, isReady }) => sum + (isReady ? slots : 0), 0);
  }

  onJoined(worker: ClusterWorker): void {
    const { name, slots } = worker;
    this.#workers.set(worker, { name, slots, isReady: false });
  }

  onLoaded(worker: ClusterWorker): void {
    const info = this.#workers.get(worker);
    if (!info) return;
    this.#workers.set(worker, { ...info, isReady: true });
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  onLeft(worker: ClusterWorker): void {
    this.#workers.delete(worker);
  }

  /** All are disconnected. */
  clear(): void {
    this.#workers.clear();
  }

  /** None will be ready. */
  fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  /** Resolves when a worker has loaded the core. */
  async ready(): Promise<void> {
    if (this.workers.some(({ isReady }) => isReady)) return;
    const waiting = Promise.withResolvers<void>();
    this.#waiting.push(waiting);
    await waiting.promise;
  }
}
