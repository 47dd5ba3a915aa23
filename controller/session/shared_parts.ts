/** What the sessions of several cores share. */

import type { Runtime } from "../../runtime/ports.ts";
import type { Log } from "../../system/log.ts";
import type { ClusterOptions } from "../cluster/cluster_types.ts";
import type { WaitPolicy } from "../workers/wait_policy.ts";
import type { KeepAlive } from "./keep_alive.ts";
import type { SessionWorkers } from "./session_workers.ts";

/** The workers, and how they are used. */
export interface SharedParts {
  readonly runtime: Runtime;
  readonly workers: SessionWorkers;
  readonly keepAlive: KeepAlive;
  readonly log: Log;
  readonly waitPolicy: WaitPolicy;
  /** Jobs wait while there is no worker. */
  readonly waits: boolean;
  readonly cluster: Pick<ClusterOptions, "coreOutput" | "compression" | "isInteractive">;
}
