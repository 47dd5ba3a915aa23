/**
 * Notices cores that do not get done with freeing an output. The job has been answered, and its time limit does not count
 * any more. But the next one waits in the same slot, and must not do so for ever.
 */

import type { DispatchId, EndpointId } from "../../pool/ids.ts";
import type { CurrentJob } from "../../pool/types.ts";
import type { RelayedJob } from "../job.ts";

/** How long a job without a time limit waits. Cores may also unload what they keep, which is slow but has an end. */
const FREE_LIMIT_MS = 600_000;

/** How long any job waits while the worker or its run drains: as long as a core may take to unload at the end. */
const DRAINING_LIMIT_MS = 5_000;

/** A slot whose core has been freeing an output for longer than any job there may run. */
export interface LongFree {
  readonly endpoint: EndpointId;
  readonly reason: string;
}

/** Since when the cores of slots have been freeing outputs. */
export class LongFrees {
  #seen = new Map<EndpointId, { readonly dispatch: DispatchId; readonly sinceMs: number }>();
  /** The most that any job waits. */
  #limitMsMax = Infinity;

  /** The worker or its run drains. */
  onDraining(): void {
    this.#limitMsMax = DRAINING_LIMIT_MS;
  }

  /**
   * Those where a job has waited for longer than its own time limit, or far too long if it has none. `freeingAt`: the
   * job whose output is being freed; 0 if there is none.
   */
  among(
    jobs: readonly CurrentJob<RelayedJob>[],
    freeingAt: (endpoint: EndpointId) => DispatchId | undefined,
    nowMs: number,
  ): LongFree[] {
    const before = this.#seen;
    this.#seen = new Map();
    const found: LongFree[] = [];
    for (const { endpoint, job: { payload: { limits: { timeMs } } } } of jobs) {
      const dispatch = freeingAt(endpoint);
      if (!dispatch) continue;
      const last = before.get(endpoint);
      const sinceMs = last?.dispatch === dispatch ? last.sinceMs : nowMs;
      this.#seen.set(endpoint, { dispatch, sinceMs });
      const limitMs = Math.min(timeMs > 0 ? timeMs : FREE_LIMIT_MS, this.#limitMsMax);
      if (nowMs - sinceMs <= limitMs) continue;
      const reason = `killed: worker_free_outdata did not return within ${limitMs / 1000}s`;
      found.push({ endpoint, reason });
    }
    return found;
  }
}
