/** Asks a worker for `distcomp status`, and says why it cannot be asked. */

import { askWorker } from "../controller/workers/worker_question.ts";
import { formatAddress } from "../link/address.ts";
import { messageOf } from "../runtime/error_text.ts";
import type { Address, Runtime } from "../runtime/ports.ts";
import { guardedRuntime } from "../security/guarded_runtime.ts";
import { silentLog } from "../system/log.ts";
import type { WorkerAnswer } from "../watch/snapshot.ts";
import { workerAnswer } from "../watch/worker_answer.ts";
import type { StatusFlags } from "./status_options.ts";

/** What the worker at an address is doing. Rejects with a sentence about that worker. */
export async function stateOfWorker(
  runtime: Runtime,
  address: Address,
  { key, insecure }: StatusFlags,
): Promise<WorkerAnswer> {
  const guarded = guardedRuntime(runtime, { role: "controller", key, insecure, log: silentLog });
  try {
    return workerAnswer(await askWorker(guarded, address), runtime.clock.date());
  } catch (cause) {
    const reason = `Cannot ask the worker at ${formatAddress(address)}: ${messageOf(cause)}`;
    throw new Error(reason, { cause });
  }
}
