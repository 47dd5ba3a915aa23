/**
 * Starts the worker of a run on this machine before the code of the run is loaded, and before it looks at its core,
 * inputs and outputs. A worker and its slots take longer to start than all that, and another CPU is mostly idle then.
 */

import { accessSync } from "node:fs";
import { LocalWorker } from "../../controller/workers/local_worker.ts";
import type { Runtime } from "../../runtime/ports.ts";
import type { RunRequest } from "./run_request.ts";
import { sharesFrom } from "../options/share_options.ts";
import { workerListsOf } from "../options/worker_list.ts";

/**
 * Starts a worker if the run needs one, as far as its options say. Otherwise, or if that fails, the run does it later,
 * or says what is wrong. Never rejects. The caller closes the worker.
 */
export async function launchEarly(
  runtime: Runtime,
  { core, flags, hasLocalWorker }: RunRequest,
): Promise<LocalWorker | undefined> {
  if (!hasLocalWorker || flags.listen || flags.ssh || workerListsOf(flags) !== "") return undefined;
  if (flags.keepCrashes) return undefined; // where is known only when the output folder is open
  try {
    accessSync(core); // the most frequent mistake, which should cost no process
    return await LocalWorker.launch(runtime, { shares: sharesFrom(flags) });
  } catch {
    return undefined; // the run tries it again, and says why it cannot
  }
}
