/** What the end of a connection says about its worker: dial again at once, later, or much later. */

import { reasonOf } from "../../runtime/error_text.ts";
import type { ConnectedWorker } from "./connected_worker.ts";
import { type AttemptEnd, GIVE_UP_MS } from "./reconnect.ts";
import { RenegotiateError, UnusableWorkerError, VersionRefusedError } from "./worker_errors.ts";

const CLOSED_BY_WORKER = "it closed the connection";

/** There was no connection. */
export function dialFailure(error: unknown): AttemptEnd {
  return { kind: "failed", reason: reasonOf(error), wasReady: false, wasUseful: false };
}

/** There was one, which has ended with `error`, or without one by the worker. */
export function connectionEnd(
  worker: ConnectedWorker,
  error: Error | undefined,
  nowMs: number,
): AttemptEnd {
  if (error instanceof RenegotiateError || mayAgree(worker, error)) return { kind: "renegotiate" };
  const isUnusable = error instanceof UnusableWorkerError;
  const { answers, isMember, connectedAtMs } = worker;
  // It may have been busy with a long job all the time. One that takes jobs and leaves at once is of no use.
  const hasStayed = isMember && !isUnusable && nowMs - connectedAtMs > GIVE_UP_MS;
  return {
    kind: isUnusable ? "unusable" : "failed",
    reason: error ? reasonOf(error) : CLOSED_BY_WORKER,
    wasReady: isMember,
    wasUseful: answers > 0 || hasStayed,
  };
}

/** Takes in what the end says about versions. Returns whether the worker may agree on another one. */
function mayAgree(worker: ConnectedWorker, error: Error | undefined): boolean {
  const { connection, history: { versions } } = worker;
  if (error instanceof VersionRefusedError) return versions.onRefused(connection.version);
  if (!connection.hasAgreed) versions.onUnanswered();
  return false;
}
