/** How a link passes on what has arrived. */

import type { FrameSource } from "../protocol/mod.ts";
import type { LinkEvents } from "./link_events.ts";

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
