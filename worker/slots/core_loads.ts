/** The loads of cores that are under way in the slots of a worker. */

import type { EndpointId } from "../../pool/types.ts";
import type { StoredCore } from "../cores/stored_core.ts";

/** A slot that loads a core. */
interface Load {
  /** `undefined` if the worker no longer has it. */
  readonly core: StoredCore | undefined;
  readonly outcome: Promise<void>;
  readonly startedAtMs: number;
}

/** All loads that are under way. Each counts as a user of its core. */
export class CoreLoads {
  readonly #loads = new Map<EndpointId, Load>();

  onStarted(endpoint: EndpointId, load: Load): void {
    this.#loads.set(endpoint, load);
  }

  onEnded(endpoint: EndpointId): void {
    this.#loads.delete(endpoint);
  }

  /** How the load of a slot ends, if it has one. */
  outcomeAt(endpoint: EndpointId): Promise<void> | undefined {
    return this.#loads.get(endpoint)?.outcome;
  }

  /** How many slots load a core, and for how long the first of them. */
  progress(nowMs: number): { readonly slotsLoading: number; readonly loadingMs: number } {
    const starts = [...this.#loads.values()].map(({ startedAtMs }) => startedAtMs);
    const loadingMs = starts.length === 0 ? 0 : Math.round(nowMs - Math.min(...starts));
    return { slotsLoading: starts.length, loadingMs };
  }

  /** The slots that load a core which nobody needs any more: no job, and no controller. */
  unneeded(): EndpointId[] {
    if (this.#loads.size === 0) return [];
    const counts = new Map<StoredCore, number>();
    for (const { core } of this.#loads.values()) {
      if (core) counts.set(core, 1 + (counts.get(core) ?? 0));
    }
    return [...this.#loads]
      .filter(([, { core }]) => core && core.users <= (counts.get(core) ?? 0))
      .map(([endpoint]) => endpoint);
  }
}
