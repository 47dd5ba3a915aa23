/** Asks a worker for `distcomp status`, and says why it cannot be asked. */

import { askWorker } from "../../controller/workers/worker_question.ts";
import { formatAddress, isLoopback, parseAddress } from "../../link/address.ts";
import { messageOf } from "../../runtime/error_text.ts";
import { processListeningAt } from "../../runtime/processes/listening_process.ts";
import type { Address, Runtime } from "../../runtime/ports.ts";
import { guardedRuntime } from "../../security/guarded_runtime.ts";
import { silentLog } from "../../system/log.ts";
import type { WorkerAnswer } from "../../watch/snapshot.ts";
import { unlessStopped } from "../../watch/stopped_process.ts";
import { workerAnswer } from "../../watch/worker_answer.ts";
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
    const answer = await unlessStopped(
      () => processAt(address),
      () => askWorker(guarded, address),
    );
    return workerAnswer(answer, runtime.clock.date());
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

/** The worker's process, if it is on this machine. */
function processAt(address: Address): number | undefined {
  const isHere = address.kind === "tcp" && isLoopback(address);
  return isHere ? processListeningAt(address.port) : undefined;
}
