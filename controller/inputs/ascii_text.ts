/** Text that is plain ASCII, as most names and lines are. Deno decodes it in a fifth of the time that UTF-8 takes. */

import type { Buffer } from "node:buffer";

/** The text of these bytes; `undefined` if one of them is not ASCII. */
export function asciiText(bytes: Buffer, from = 0, to = bytes.byteLength): string | undefined {
  let bits = 0;
  for (let at = from; at < to; at++) bits |= bytes[at] as number;
  return bits < 0x80 ? bytes.toString("latin1", from, to) : undefined;
}
