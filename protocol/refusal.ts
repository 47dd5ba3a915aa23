/** How a side says that it does not accept a connection: an error response before any message. */

import { encodeError } from "./message.ts";

/** The id of such a response, which answers no message. No request of ours has it. */
export const REFUSAL_ID = 0;

/** The end of the text where another attempt may help soon, and nobody has to do anything. */
const LATER = "; a place may be free later";

/** A refusal as a whole frame. */
export function encodeRefusal(reason: string): Uint8Array<ArrayBuffer> {
  return encodeError(REFUSAL_ID, reason);
}

/** The reason of one who has no place for a connection now. */
export function laterReason(reason: string): string {
  return `${reason}${LATER}`;
}

/** Whether a reason is one of those. */
export function isLaterReason(reason: string): boolean {
  return reason.endsWith(LATER);
}
