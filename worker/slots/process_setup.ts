/** What the process of a slot is started for: a core whose setup has variables needs a process that has them. */

import type { StoredCore } from "../cores/core_store.ts";

/** The setup of a process. */
export type ProcessSetup = Pick<StoredCore, "key" | "variables">;

/** The setup that a process for a core must be started with; `undefined` if any process will do. */
export function setupOf(core: StoredCore): ProcessSetup | undefined {
  return core.variables.length > 0 ? core : undefined;
}
