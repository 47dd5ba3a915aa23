/** A process that a program has started as its own worker, or as a slot of it. */

import { startedMain } from "./started_roles.ts";

/** Takes the role that distcomp has started this process for, and ends it. Never resolves. */
export function runSpawned(): Promise<never> {
  startedMain({
    localWorker: () => import("./worker/local_worker_command.ts"),
    slot: () => import("../slot/slot_loop.ts"),
  });
  return new Promise(() => {});
}
