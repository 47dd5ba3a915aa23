/** Frames: both directions of a connection are a sequence of them. See PROTOCOL.md. */

import type { HugePlace } from "./huge_place.ts";
import { HEADER_BYTES } from "./limits.ts";
import { type Uint64, writeUint64 } from "./uint64.ts";

/** Types of the frames that a controller sends. Version 2 added `describe` and all types after it. */
export const MessageType = {
  version: 0x01,
  core: 0x02,
  job: 0x03,
  describe: 0x04,
  choose: 0x05,
  limitedJob: 0x06,
  cancel: 0x07,
  ping: 0x08,
  content: 0x09,
  coreOutput: 0x0a,
  setup: 0x0b,
  compression: 0x0c,
  /** A worker sends it, too. */
  compressed: 0x0d,
  usage: 0x0e,
  state: 0x0f,
} as const;

/** Types of the frames that a worker sends. Version 2 added all but `ok` and `error`. */
export const ResponseType = {
  ok: 0x01,
  draining: 0x03,
  printed: 0x04,
  arrivalRate: 0x05,
  okWithUsage: 0x06,
  compressed: 0x0d,
  errorWithUsage: 0xfd,
  kindError: 0xfe,
  error: 0xff,
} as const;

/**
 * One complete frame. `payload` is a view into memory that is no longer written to: it may be kept, but not
 * changed. It keeps the whole buffer alive.
 */
export interface Frame {
  readonly type: number;
  readonly id: Uint64;
  readonly payload: Uint8Array<ArrayBuffer>;
  /** Set if the payload was too large for one array: `payload` is its head, and the blob is in this place. */
  readonly huge?: HugePlace;
}

/** Writes a frame's header at `at`. The caller writes the `payloadBytes` bytes of the payload. */
export function writeHeader(
  view: DataView,
  at: number,
  type: number,
  id: Uint64,
  payloadBytes: number,
): void {
  view.setUint8(at, type);
  writeUint64(view, at + 1, id);
  writeUint64(view, at + 9, payloadBytes);
}

/** Encodes a frame that is rarely sent. A `FrameWriter` batches the others. */
export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + frame.payload.byteLength);
  writeHeader(new DataView(bytes.buffer), 0, frame.type, frame.id, frame.payload.byteLength);
  bytes.set(frame.payload, HEADER_BYTES);
  return bytes;
}
