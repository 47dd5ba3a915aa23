/** What the journal says of a line, or of parameters: their beginning. */

import { Buffer } from "node:buffer";
import { nameOfBytes } from "../../runtime/files/file_name.ts";
import { asciiText } from "./ascii_text.ts";
import type { InputNote } from "./source.ts";

/** How much of a line is in the journal. */
const NOTED_BYTES_MAX = 256;

/** The beginning of a line, with an ellipsis if there is more. */
export function lineNote(line: Uint8Array): InputNote {
  if (line.byteLength <= NOTED_BYTES_MAX) {
    const bytes = Buffer.from(line.buffer, line.byteOffset, line.byteLength);
    return { line: asciiText(bytes) ?? nameOfBytes(line) };
  }
  // The last character may be cut.
  const text = nameOfBytes(line.subarray(0, NOTED_BYTES_MAX)).replace(/[\udc80-\udcff]{1,3}$/u, "");
  return { line: `${text}…` };
}
