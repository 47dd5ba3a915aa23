/** Which core an endpoint should hold, when there are several cores that wait for one. Pure arithmetic. */

import type { CoreKey } from "./types.ts";

/** A core that has jobs waiting. */
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

/** Demands by core, and among how many endpoints they share. */
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
 * The core that a free endpoint should load, of those that can use another: one that has no endpoint at
 * all, the longest waiting first, or else the one furthest below its share, by more than `deficitMin`.
 */
export function neediestCore(
  demands: Demands,
  fits: (core: CoreKey) => boolean,
  deficitMin = -Infinity,
): CoreKey | undefined {
  let neediest: CoreKey | undefined;
  let deficitMax = deficitMin;
  let waitedMsMax = -1;
  for (const [core, { held, idle, queued, waitedMs }] of demands.cores) {
    const deficit = fairShare(demands, core) - held;
    const isNeedier = held === 0 ? waitedMs > waitedMsMax : waitedMsMax < 0 && deficit > deficitMax;
    if (!isNeedier || idle >= queued || !fits(core)) continue;
    neediest = core;
    deficitMax = deficit;
    if (held === 0) waitedMsMax = waitedMs;
  }
  return neediest;
}

/**
 * Whether an endpoint that holds `core` should give it up for another one: somebody has nothing at all,
 * or a whole endpoint too few, while this core has more than its share.
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
