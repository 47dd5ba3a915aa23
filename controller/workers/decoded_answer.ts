/** The answers to nearly all jobs: small results, of which only the output is kept. */

import { decodeJobSpan, type FrameSpan, ResponseType, USAGE_BYTES } from "../../protocol/mod.ts";
import type { DispatchId } from "../../pool/types.ts";
import type { Phase } from "./connection_events.ts";
import { CONTROL_ID_FIRST } from "./message_ids.ts";
import type { PrintedBounds } from "./printed_bounds.ts";

/**
 * Passes on what a worker has sent, if it is such an answer, and no notice of what the job has printed came before it.
 */
export function deliversAnswer(
  span: FrameSpan,
  version: number,
  phase: Phase,
  printed: PrintedBounds,
): boolean {
  const { type, id, bytes, at } = span;
  const isResult = type === ResponseType.okWithUsage && version > 1 && id < CONTROL_ID_FIRST;
  if (!isResult || phase.kind !== "serving" || printed.hasLast) return false;
  const result = decodeJobSpan(span, USAGE_BYTES);
  phase.onAnswer(id as DispatchId, { kind: "result", result, usage: bytes, usageAt: at });
  return true;
}
