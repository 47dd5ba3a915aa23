/** The workers of a run that are gone and have not come back, for those who look at it. */

import type { ConnectedWorker } from "../workers/connected_worker.ts";
import type { Departure } from "../workers/workers_events.ts";

/** Of more than this, the latest are kept and the others only counted: batch systems start and end thousands. */
const KEPT_MAX = 1_000;

/**
 * Of the workers beyond `KEPT_MAX`, this many are remembered by name, so that they can be uncounted when they return.
 */
const NAMES_MAX = 10_000;

/** How many are shown: the latest. */
export const LATEST_MAX = 50;

/** A worker that is gone. */
export interface LostWorker {
  /** What messages call it. */
  readonly name: string;
  /** The name of its node. */
  readonly node: string;
  readonly reason: string;
  readonly goneAtMs: number;
  /** The jobs that it had, which run elsewhere. */
  readonly jobs: number;
}

/** Where a worker comes back: at its address, or, if it dials the run, as the same node on the same host. */
type WorkerPlace = Pick<ConnectedWorker, "address" | "place" | "node">;

/** Those that were lost or excluded. Who has drained has left in order. */
export class LostWorkers {
  /** In the order in which they were lost. */
  readonly #kept = new Map<string, LostWorker>();
  /** How many are no longer kept, and the keys of the latest of these. */
  #dropped = 0;
  readonly #known = new Set<string>();

  get count(): number {
    return this.#kept.size + this.#dropped;
  }

  /** The latest first. */
  get latest(): LostWorker[] {
    return [...this.#kept.values()].slice(-LATEST_MAX).reverse();
  }

  onReady(worker: WorkerPlace): void {
    this.#forget(workerKey(worker));
  }

  onGone(
    worker: WorkerPlace & Pick<ConnectedWorker, "name">,
    { kind, reason }: Pick<Departure, "kind" | "reason">,
    jobs: number,
    nowMs: number,
  ): void {
    if (kind === "drained") return;
    const key = workerKey(worker);
    this.#forget(key); // the latest is the last
    this.#kept.set(key, { name: worker.name, node: worker.node, reason, goneAtMs: nowMs, jobs });
    if (this.#kept.size <= KEPT_MAX) return;
    const [oldest] = this.#kept.keys();
    this.#kept.delete(oldest as string);
    this.#dropped += 1;
    this.#known.add(oldest as string);
    const [first] = this.#known;
    if (this.#known.size > NAMES_MAX) this.#known.delete(first as string);
  }

  #forget(key: string): void {
    this.#kept.delete(key);
    if (this.#known.delete(key)) this.#dropped -= 1;
  }
}

function workerKey({ address, place, node }: WorkerPlace): string {
  return address ? place : `${place} ${node}`;
}
