/** The errors in bytes from a peer. Each kind is a class with its data as fields. */

import type { Uint64 } from "./uint64.ts";

/** The base of all protocol errors: the peer sent something that the specification does not allow. */
export class ProtocolError extends Error {
  override name = "ProtocolError";
}

/**
 * A frame announces a payload over the receiver's limit. Nothing was allocated for it. The connection must be
 * closed, because the receiver cannot find the next frame without reading the payload.
 */
export class PayloadTooLargeError extends ProtocolError {
  override name = "PayloadTooLargeError";

  constructor(
    readonly id: Uint64,
    readonly payloadBytes: Uint64,
    readonly payloadBytesMax: number,
  ) {
    super(
      `The frame with id ${id} announces a payload of ${payloadBytes} bytes, but the limit is ` +
        `${payloadBytesMax} bytes`,
    );
  }
}

/** A frame is complete, but its payload does not parse. The frames after it are not affected. */
export class MalformedPayloadError extends ProtocolError {
  override name = "MalformedPayloadError";
}

/** A frame is complete, but its type is not one that this side of a connection may receive. */
export class UnknownTypeError extends ProtocolError {
  override name = "UnknownTypeError";

  constructor(kind: "message" | "response", readonly type: number, version = 1) {
    const hex = `0x${type.toString(16).padStart(2, "0")}`;
    super(`${hex} is not a ${kind} type of protocol version ${version}`);
  }
}

/** The stream ended inside a frame. */
export class TruncatedFrameError extends ProtocolError {
  override name = "TruncatedFrameError";

  constructor(readonly bytesHeld: number) {
    super(`The connection ended inside a frame, after ${bytesHeld} bytes of it`);
  }
}
