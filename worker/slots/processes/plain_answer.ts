/** The answers of nearly all jobs: small results, which are passed on from where they have arrived. */

import { type FrameSpan, ResponseType } from "../../../protocol/mod.ts";
import type { PrintedLines } from "./printed_lines.ts";
import type { SlotProcessEvents } from "./slot_process_events.ts";
import { checkUsageOf } from "../transport/slot_usage.ts";

/** The id of the message that loads a core. Job messages have dispatch ids, which begin at 1. */
export const LOAD_ID = 0;

/**
 * Passes on what a slot has sent, if it is such an answer and waits for nothing that the job has printed. Returns
 * whether it is.
 */
export function passOn(
  span: FrameSpan,
  printed: PrintedLines,
  slot: number,
  events: SlotProcessEvents,
): boolean {
  const isResult = span.type === ResponseType.okWithUsage && span.id !== LOAD_ID;
  if (!isResult || printed.areAwaited) return false;
  checkUsageOf(span, slot);
  events.onAnswer(span);
  return true;
}
