/**
 * Slots whose huge output is being sent. They have answered their job, and can run no other until all of it is sent:
 * jobs that came to them would wait for a controller that reads slowly, while other slots are free.
 */

import type { Pool } from "../../pool/pool.ts";
import type { EndpointId } from "../../pool/types.ts";
import type { RelayedJob } from "../job.ts";

/** Keeps jobs away from such slots. */
export class RelayingSlots {
  readonly #pool: Pick<Pool<RelayedJob>, "onLimited">;
  /** Resolves when the output of the slot is sent. */
  readonly #sent = new Map<EndpointId, Promise<void>>();
  readonly #onSent: () => void;

  /** `onSent`: a slot can run jobs again. */
  constructor(pool: Pick<Pool<RelayedJob>, "onLimited">, onSent: () => void) {
    this.#pool = pool;
    this.#onSent = onSent;
  }

  get endpoints(): Iterable<EndpointId> {
    return this.#sent.keys();
  }

  /**
   * A slot has answered a job with an output that it still has to write. `ended` resolves when it has. Until then the
   * input of the job stays where it is: the output may be a part of it.
   */
  onBegun(endpoint: EndpointId, job: Pick<RelayedJob, "huge">, ended: Promise<void>): void {
    const { huge } = job;
    job.huge = undefined;
    this.#sent.set(endpoint, ended);
    this.#pool.onLimited(endpoint, 0);
    void ended.then(() => {
      huge?.release();
      if (this.#sent.get(endpoint) === ended) this.onReplaced(endpoint);
    });
  }

  /** The slot can run jobs: its output is sent, or another process takes its place, to load another core. */
  onReplaced(endpoint: EndpointId): void {
    if (!this.#sent.delete(endpoint)) return;
    this.#pool.onLimited(endpoint, Infinity);
    this.#onSent();
  }
}
