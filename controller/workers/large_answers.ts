/** Answers whose outputs are too large to be in memory: they go to where the run wants them as they arrive. */

import {
  checkLargeHead,
  DiscardedBlob,
  type FindLargePlace,
  type Frame,
  JOB_RESULT_PREFIX_BYTES,
  LARGE_BLOB_BYTES_MAX,
  type LargePlace,
  type LimitPayload,
  readInt32,
  responseBytesMax,
  ResponseType,
  USAGE_BYTES,
} from "../../protocol/mod.ts";
import type { LinkOptions } from "../../link/link_options.ts";
import type { DispatchId } from "../../pool/types.ts";
import type { Answer } from "../answer.ts";
import type { ArrivingOutput } from "../large_outputs.ts";
import { CONTROL_ID_FIRST } from "./message_ids.ts";
import type { Phase, WorkerConnectionEvents } from "./connection_events.ts";

const NOTHING = new Uint8Array(0);

/** How large the answers on a connection may be, and where they go, in this phase of it. */
export function placesFor(
  { findPlace, largeOutputs }: Pick<WorkerConnectionEvents, "findPlace" | "largeOutputs">,
  phase: () => Phase,
): Pick<LinkOptions, "limitPayload" | "findPlace" | "findLargePlace"> {
  const limitPayload: LimitPayload = (type, id) =>
    responseBytesMax(type, phase().kind === "serving" && id < CONTROL_ID_FIRST);
  const findLargePlace: FindLargePlace = (type, id, payloadBytes) => {
    const now = phase();
    const usageBytes = usageBytesOf(type);
    if (usageBytes === undefined || now.kind !== "serving") return undefined;
    if (!now.isAwaited(id as DispatchId)) return undefined;
    const headBytes = usageBytes + JOB_RESULT_PREFIX_BYTES;
    const bytes = payloadBytes - headBytes;
    if (bytes > LARGE_BLOB_BYTES_MAX) return undefined;
    const problem = largeOutputs
      ? largeOutputs.problemOf(bytes)
      : `its output has ${bytes} bytes; outputs of more than 1 GiB need a run with an output folder, not a pack or a session`;
    if (problem !== undefined) return new DiscardedBlob(headBytes, bytes, problem);
    return largeOutputs?.open(headBytes, bytes);
  };
  return { limitPayload, findPlace, findLargePlace };
}

/** The answer in a frame whose payload was over the limit. Throws a `ProtocolError`. */
export function largeAnswerOf({ type, payload }: Frame, large: LargePlace): Answer {
  const usageBytes = usageBytesOf(type) ?? 0;
  const usage = usageBytes > 0 && { usage: payload };
  if (large instanceof DiscardedBlob) {
    return { kind: "error", cause: "other", message: large.reason, ...usage };
  }
  const stored = large as ArrivingOutput;
  checkLargeHead(payload, stored.byteLength, "a job's output");
  const exitCode = readInt32(payload, usageBytes);
  const result = { exitCode, output: NOTHING };
  if (exitCode === 0) return { kind: "result", result, stored, ...usage };
  stored.discard(); // it has failed
  return { kind: "result", result, ...usage };
}

/** Bytes of what a job has used, in an answer of this type; `undefined` if it has no output. */
function usageBytesOf(type: number): number | undefined {
  if (type === ResponseType.ok) return 0;
  return type === ResponseType.okWithUsage ? USAGE_BYTES : undefined;
}
