/** How a link passes on what has arrived. */

import type { FrameSource } from "../protocol/mod.ts";
import type { LinkEvents } from "./link_events.ts";

/**
 * Frames that are delivered in one turn of the event loop: a read brings up to 15,000 small ones, and other
 * connections must not wait until all of them are handled. A full read of jobs with 64 bytes has fewer.
 */
export const FRAMES_PER_TURN_MAX = 4_096;

/** Passes on the next frame. Returns false if none is whole. */
export function deliverNext(decoder: FrameSource, events: LinkEvents): boolean {
  const span = events.onSpan && decoder.peek();
  if (span && events.onSpan?.(span)) {
    decoder.skip();
    return true;
  }
  const frame = decoder.next();
  if (frame) events.onFrame(frame);
  return frame !== undefined;
}
