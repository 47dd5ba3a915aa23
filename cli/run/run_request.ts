/** The request that a `distcomp run` command line makes. */

import type { LocalWorker } from "../../controller/workers/local_worker.ts";
import type { RunFlags } from "./run_options.ts";

/** A command line of `distcomp run`, parsed but not checked. */
export interface RunRequest {
  /** The file of the compute core. */
  readonly core: string;
  /** Files and folders; `-` is a list on stdin. */
  readonly inputs: readonly string[];
  readonly flags: RunFlags;
  /** All arguments of the program as they were typed. */
  readonly args: readonly string[];
  /** Whether this executable can start a worker of its own. */
  readonly hasLocalWorker: boolean;
}

/** The same, with the worker on this machine, if it was started before the run. */
export interface LaunchedRun extends RunRequest {
  readonly early: LocalWorker | undefined;
}
