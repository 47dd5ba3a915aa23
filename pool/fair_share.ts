/** Which core an endpoint should hold when jobs wait for several cores: pure functions. */

import type { CoreKey } from "./ids.ts";

/** A core that jobs wait for. */
export interface CoreDemand {
  /** How many clients' next job needs it: endpoints are shared among clients, not among cores. */
  clients: number;
  /** How many jobs wait for it. */
  queued: number;
  /** How long its clients have waited for an endpoint, in total. */
  waitedMs: number;
  /** How many endpoints hold or are loading it. */
  held: number;
  /** How many of them have nothing in flight. */
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
 * The core that an endpoint should load next, among those that `fits` allows. A core that no endpoint holds
 * comes first, the longest waiting one of these before the others. Otherwise it is the core furthest below its
 * fair share, by more than `deficitMin`.
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
 * Whether an endpoint should give up `core` for another core: `core` has more than its fair share, and another
 * one has no endpoint, or at least one endpoint too few.
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
