/** Answers whose outputs are too large to be in memory: they go to where the run wants them as they arrive. */

import {
  checkHugeHead,
  DiscardedBlob,
  type FindHugePlace,
  type Frame,
  HUGE_BLOB_BYTES_MAX,
  type HugePlace,
  JOB_RESULT_PREFIX_BYTES,
  type LimitPayload,
  readInt32,
  responseBytesMax,
  ResponseType,
  USAGE_BYTES,
} from "../../protocol/mod.ts";
import type { LinkOptions } from "../../link/link_options.ts";
import type { DispatchId } from "../../pool/types.ts";
import type { Answer } from "../answer.ts";
import type { ArrivingOutput } from "../huge_outputs.ts";
import { CONTROL_ID_FIRST } from "./message_ids.ts";
import type { Phase, WorkerConnectionEvents } from "./connection_events.ts";

const NOTHING = new Uint8Array(0);

/** How large the answers on a connection may be, and where they go, in this phase of it. */
export function placesFor(
  { findPlace, hugeOutputs }: Pick<WorkerConnectionEvents, "findPlace" | "hugeOutputs">,
  phase: () => Phase,
): Pick<LinkOptions, "limitPayload" | "findPlace" | "findHugePlace"> {
  const limitPayload: LimitPayload = (type, id) =>
    responseBytesMax(type, phase().kind === "serving" && id < CONTROL_ID_FIRST);
  const findHugePlace: FindHugePlace = (type, id, payloadBytes) => {
    const now = phase();
    const usageBytes = usageBytesOf(type);
    if (usageBytes === undefined || now.kind !== "serving") return undefined;
    if (!now.isAwaited(id as DispatchId)) return undefined;
    const headBytes = usageBytes + JOB_RESULT_PREFIX_BYTES;
    const bytes = payloadBytes - headBytes;
    if (bytes > HUGE_BLOB_BYTES_MAX) return undefined;
    const problem = hugeOutputs
      ? hugeOutputs.problemOf(bytes)
      : "its output is larger than 1 GiB: that needs a run with an output folder, not a pack or a session";
    if (problem !== undefined) return new DiscardedBlob(headBytes, bytes, problem);
    return hugeOutputs?.open(headBytes, bytes);
  };
  return { limitPayload, findPlace, findHugePlace };
}

/** The answer in a frame whose payload was over the limit. Throws a `ProtocolError`. */
export function hugeAnswerOf({ type, payload }: Frame, huge: HugePlace): Answer {
  const usageBytes = usageBytesOf(type) ?? 0;
  const usage = usageBytes > 0 && { usage: payload };
  if (huge instanceof DiscardedBlob) {
    return { kind: "error", cause: "other", message: huge.reason, ...usage };
  }
  const stored = huge as ArrivingOutput;
  checkHugeHead(payload, stored.byteLength, "a job's output");
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
