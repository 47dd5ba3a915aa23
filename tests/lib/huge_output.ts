/** The beginning of an output that is too large for one array, as a slot writes it. */

import {
  HEADER_BYTES,
  JOB_RESULT_PREFIX_BYTES,
  ResponseType,
  USAGE_BYTES,
  writeHeader,
  writeUint64,
} from "../../protocol/mod.ts";

/** What comes before the output of job `id`, which has so many bytes. */
export function hugeOutputHead(id: number, bytes: number, slot = 0): Uint8Array<ArrayBuffer> {
  const payloadHeadBytes = USAGE_BYTES + JOB_RESULT_PREFIX_BYTES;
  const head = new Uint8Array(HEADER_BYTES + payloadHeadBytes);
  const view = new DataView(head.buffer);
  writeHeader(view, 0, ResponseType.okWithUsage, id, payloadHeadBytes + bytes);
  view.setUint32(HEADER_BYTES + USAGE_BYTES - 4, slot, true);
  writeUint64(view, head.byteLength - 8, bytes);
  return head;
}
