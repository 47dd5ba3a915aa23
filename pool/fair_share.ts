/** Which core an endpoint should hold when jobs wait for several. Pure arithmetic. */

import type { CoreKey } from "./ids.ts";

/** A core that jobs wait for. */
export interface CoreDemand {
  /** Clients whose next job needs it: slots are shared fairly among clients, not among cores. */
  clients: number;
  /** Jobs that wait for it. */
  queued: number;
  /** How long its clients have waited for a slot, all together. */
  waitedMs: number;
  /** Endpoints that hold it or are loading it. */
  held: number;
  /** Those among them that have nothing in flight. */
  idle: number;
}

/** Demands by core, and the number of endpoints that they share. */
export interface Demands {
  readonly cores: ReadonlyMap<CoreKey, CoreDemand>;
  readonly endpoints: number;
}

/** How many endpoints a core should have. */
export function fairShare(demands: Demands, core: CoreKey): number {
  let clients = 0;
  for (const demand of demands.cores.values()) clients += demand.clients;
  return clients === 0
    ? 0
    : (demands.endpoints * (demands.cores.get(core)?.clients ?? 0)) / clients;
}

/**
 * The core that an endpoint should load next, of those that `fits` allows: one that no endpoint holds, the
 * longest waiting first; otherwise the one furthest below its fair share, by more than `deficitMin`.
 */
export function nextCore(
  demands: Demands,
  fits: (core: CoreKey) => boolean,
  deficitMin = -Infinity,
): CoreKey | undefined {
  let next: CoreKey | undefined;
  let deficitMax = deficitMin;
  let waitedMsMax = -1;
  for (const [core, { held, idle, queued, waitedMs }] of demands.cores) {
    const deficit = fairShare(demands, core) - held;
    const isNext = held === 0 ? waitedMs > waitedMsMax : waitedMsMax < 0 && deficit > deficitMax;
    if (!isNext || idle >= queued || !fits(core)) continue;
    next = core;
    deficitMax = deficit;
    if (held === 0) waitedMsMax = waitedMs;
  }
  return next;
}

/**
 * Whether an endpoint should give up `core` for another one: this core has more than its fair share, and
 * another one has no endpoint at all, or a whole endpoint too few.
 */
export function shouldYield(demands: Demands, core: CoreKey): boolean {
  const own = demands.cores.get(core);
  if (!own || own.held <= fairShare(demands, core)) return false;
  for (const [other, demand] of demands.cores) {
    if (other === core) continue;
    if (demand.held === 0 || fairShare(demands, other) - demand.held >= 1) return true;
  }
  return false;
}
