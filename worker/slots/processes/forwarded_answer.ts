/** The answers of nearly all jobs: small results, which are passed on from where they have arrived. */

import { type FrameSpan, ResponseType } from "../../../protocol/mod.ts";
import { SLOT_LOAD_ID } from "../../../slot/protocol.ts";
import type { PrintedLines } from "./printed_lines.ts";
import type { SlotProcessEvents } from "./slot_process_events.ts";
import { checkUsageOf } from "../transport/slot_usage.ts";

/** Passes on what a slot has sent, if it is such an answer and waits for nothing that the job has printed. */
export function forwardsAnswer(
  span: FrameSpan,
  printed: PrintedLines,
  slot: number,
  events: SlotProcessEvents,
): boolean {
  const isResult = span.type === ResponseType.okWithUsage && span.id !== SLOT_LOAD_ID;
  if (!isResult || printed.areAwaited) return false;
  checkUsageOf(span, slot);
  events.onAnswer(span);
  return true;
}
