/** In which parts a link writes what it has to send. Each that is accepted shows that a slow peer is still there. */

import { LAST_WRITE_BYTES_MAX } from "./link_end.ts";

/** Bytes per write. */
const WRITE_BYTES_MAX = 1024 * 1024;

/** The last part of a piece may be this much larger: a payload of 1 MiB and its header are one write. */
const LAST_PART_BYTES = 64 * 1024;

/** The first part of `piece`. `isEnding`: the link closes when everything is written. */
export function firstPartOf(
  piece: Uint8Array<ArrayBuffer>,
  isEnding: boolean,
): Uint8Array<ArrayBuffer> {
  if (isEnding) return piece.subarray(0, LAST_WRITE_BYTES_MAX);
  const isLastPart = piece.byteLength <= WRITE_BYTES_MAX + LAST_PART_BYTES;
  return isLastPart ? piece : piece.subarray(0, WRITE_BYTES_MAX);
}
