/** Asks a worker for `distcomp status`, and says why it cannot be asked. */

import { askWorker } from "../controller/workers/worker_question.ts";
import { formatAddress, parseAddress } from "../link/address.ts";
import { messageOf } from "../runtime/error_text.ts";
import type { Runtime } from "../runtime/ports.ts";
import { guardedRuntime } from "../security/guarded_runtime.ts";
import { silentLog } from "../system/log.ts";
import type { WorkerAnswer } from "../watch/snapshot.ts";
import { workerAnswer } from "../watch/worker_answer.ts";
import type { StatusFlags } from "./status_options.ts";
import { WorkerSilentError } from "./worker_silent_error.ts";

/** What the worker is doing that was named. Rejects with a sentence about that worker. */
export async function stateOfWorker(
  runtime: Runtime,
  target: string,
  { key, insecure }: StatusFlags,
): Promise<WorkerAnswer> {
  const address = parseAddress(target);
  const guarded = guardedRuntime(runtime, { role: "controller", key, insecure, log: silentLog });
  try {
    return workerAnswer(await askWorker(guarded, address), runtime.clock.date());
  } catch (cause) {
    const reason = `ask the worker at ${formatAddress(address)}: ${messageOf(cause)}`;
    // A word alone may be meant as a folder.
    throw new WorkerSilentError(
      target.includes(":")
        ? `Cannot ${reason}`
        : `There is no folder "${target}" here; cannot ${reason}`,
      { cause },
    );
  }
}
