/** Counts the slots of a cluster that load the core: for people, who wait for the first jobs meanwhile. */

import type { ConnectedWorker } from "../workers/connected_worker.ts";
import type { LoadingSlots } from "./cluster_types.ts";

/** `undefined` if no worker has said that a slot of it loads a core. */
export function loadingSlotsOf(workers: readonly ConnectedWorker[]): LoadingSlots | undefined {
  const loading = { slots: 0, slotsTotal: 0, ms: 0 };
  for (const { connection, slots = 0 } of workers) {
    const { slotsLoading = 0, loadingMs = 0 } = connection.load ?? {};
    if (slotsLoading === 0) continue;
    loading.slots += slotsLoading;
    loading.slotsTotal += slots;
    loading.ms = Math.max(loading.ms, loadingMs);
  }
  return loading.slots > 0 ? loading : undefined;
}
