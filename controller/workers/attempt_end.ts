/** Classifies the end of a connection, which determines when its worker is dialed again. */

import { reasonOf } from "../../runtime/error_text.ts";
import {
  ClosedAtOnceError,
  FullError,
  KeyNeededError,
  RefusedError,
} from "../../security/refused_error.ts";
import type { ConnectedWorker } from "./connected_worker.ts";
import { GIVE_UP_MS } from "./wait_policy.ts";
import type { AttemptEnd } from "./reconnect.ts";
import {
  LeavingError,
  RenegotiateError,
  UnusableWorkerError,
  VersionRefusedError,
} from "./worker_errors.ts";

const CLOSED_BY_WORKER = "it closed the connection";

/** A tunnel takes each connection, and closes it if nobody listens at its other end. */
const CLOSED_AT_ONCE =
  "it closed the connection at once (is a worker running behind this address?)";

/** The end of an attempt that did not connect. */
export function dialFailure(error: unknown): AttemptEnd {
  const kind = error instanceof RefusedError ? "unusable" : "failed";
  const reason = error instanceof ClosedAtOnceError ? CLOSED_AT_ONCE : reasonOf(error);
  return { kind, reason, wasReady: false, wasUseful: false, hasLeft: false };
}

/** The end of a connection. `error` is `undefined` if the worker closed it. */
export function connectionEnd(
  worker: ConnectedWorker,
  error: Error | undefined,
  nowMs: number,
): AttemptEnd {
  if (error instanceof KeyNeededError) return { kind: "renegotiate" };
  if (error instanceof RenegotiateError || mayAgree(worker, error)) return { kind: "renegotiate" };
  const isUnusable = error instanceof UnusableWorkerError || error instanceof RefusedError;
  const { answers, address, connection, isMember, connectedAtMs, state } = worker;
  const closed = address && !connection.isIntroduced ? CLOSED_AT_ONCE : CLOSED_BY_WORKER;
  // A worker without answers was useful if it stayed: it may have run a long job all the time.
  const hasStayed = isMember && !isUnusable && nowMs - connectedAtMs > GIVE_UP_MS;
  return {
    kind: isUnusable ? "unusable" : "failed",
    reason: error ? reasonOf(error) : closed,
    wasReady: isMember,
    wasUseful: answers > 0 || hasStayed,
    hasLeft: state.kind === "draining" || error instanceof LeavingError,
  };
}

/** Updates the version negotiation. Returns whether the worker may accept another version. */
function mayAgree(worker: ConnectedWorker, error: Error | undefined): boolean {
  const { connection, history: { versions } } = worker;
  if (error instanceof VersionRefusedError) return versions.onRefused(connection.version);
  const isAnswered = error instanceof RefusedError || error instanceof FullError;
  const isUnanswered = connection.hasOffered && !connection.isIntroduced && !isAnswered;
  if (isUnanswered) versions.onUnanswered();
  return false;
}
