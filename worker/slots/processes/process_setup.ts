/** What the process of a slot is started for: a core whose setup has variables needs a process that has them. */

import type { StoredCore } from "../../cores/stored_core.ts";

/** The setup of a process. */
export type ProcessSetup = Pick<StoredCore, "key" | "variables" | "path" | "roots">;

/**
 * The setup that a process for a core must be started with; `undefined` if any process will do. In a sandbox, a
 * process sees no other core than the one that it was started for.
 */
export function setupOf(core: StoredCore, isSandboxed: boolean): ProcessSetup | undefined {
  return isSandboxed || core.variables.length > 0 ? core : undefined;
}
