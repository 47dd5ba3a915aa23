/** How an executor is set up. */

import type { Clock } from "../../runtime/clock.ts";
import type { ProcFiles } from "../../runtime/proc_files.ts";
import type { Log } from "../../system/log.ts";
import type { CoreStore } from "../cores/core_store.ts";
import type { Launcher } from "./processes/launcher.ts";
import type { OnCorePrinted } from "./printed_to.ts";

/** How an executor is set up. */
export interface ExecutorOptions {
  readonly clock: Clock;
  readonly system: ProcFiles;
  readonly log: Log;
  readonly launcher: Launcher;
  readonly store: CoreStore;
  /** How many slots it has. */
  readonly slots: number;
  readonly coreLoadLimitMs: number;
  readonly orphanLimitMs: number;
  readonly onCorePrinted?: OnCorePrinted;
}
