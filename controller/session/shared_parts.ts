/** What the sessions of several cores share. */

import { compressionModeOf } from "../../link/compression_mode.ts";
import { backgroundRuntime } from "../../runtime/background.ts";
import { detectRuntime } from "../../runtime/detect.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { guardedRuntime } from "../../security/guarded_runtime.ts";
import { callersLog } from "../../system/callers_log.ts";
import type { Log } from "../../system/log.ts";
import type { ClusterOptions } from "../cluster/cluster_types.ts";
import type { WaitPolicy } from "../workers/wait_policy.ts";
import { KeepAlive } from "./keep_alive.ts";
import { SessionWorkers } from "./session_workers.ts";
import type { SessionOptions } from "./types.ts";

const REDIAL_MS_MAX = 1_000; // a server uses a worker that is back so soon

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

/** What the cores of a session with these options share. Rejects with an `AddressError`. */
export async function sharedParts(
  options: SessionOptions,
  connectMs: number,
): Promise<SharedParts> {
  const { key, insecure, whenNoWorker = "fail" } = options;
  const log = callersLog(options.log);
  const own = await detectRuntime();
  const guard = { role: "controller", key, insecure, log } as const;
  const runtime = guardedRuntime(backgroundRuntime(own), guard);
  return {
    runtime,
    workers: new SessionWorkers(runtime, log, options),
    keepAlive: new KeepAlive(own.clock),
    log,
    waitPolicy: { giveUpMs: connectMs, redialMsMax: REDIAL_MS_MAX, whenNone: "go on" },
    waits: whenNoWorker === "wait",
    cluster: {
      coreOutput: options.log ? "all" : "failures",
      compression: compressionModeOf(options.compress),
      isInteractive: true,
    },
  };
}
