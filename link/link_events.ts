/** What a link tells its owner. */

import type { ArrivingPayload, Frame, FrameSpan, ProtocolError } from "../protocol/mod.ts";

/** What a link reports to its owner. */
export interface LinkEvents {
  /** A whole frame has arrived. */
  onFrame(frame: Frame): void;
  /**
   * A small frame has arrived. Returns whether it is handled: otherwise `onFrame` follows. The span must not be kept, so
   * this is for answers, which are passed on at once. A worker gets jobs by `onFrame`: they wait in a queue, as objects.
   */
  onSpan?(span: FrameSpan): boolean;
  /** More of a large payload has arrived; `undefined` once all of it has. */
  onArriving?(payload: ArrivingPayload | undefined): void;
  /** The bytes from the peer are not frames. The owner may send an error now; then the link ends. */
  onBroken?(error: ProtocolError): void;
  /**
   * The peer sends nothing more, but may still read. Without this handler the link closes; with it, the owner
   * has to close it.
   */
  onPeerEnded?(): void;
  /** Everything sent so far has been handed to the system. */
  onDrained?(): void;
  /**
   * Bytes have arrived, whole frames or not. Those that are compressed are reported twice: as they come over the wire,
   * and again when they are decompressed.
   */
  onRead?(bytes: number): void;
  /** The link is closed. No other event follows. `reason` is undefined if the peer ended it between two frames. */
  onClosed(reason: Error | undefined): void;
}

/** What a link has received. */
export interface Reception {
  /** Whole frames. */
  readonly frames: number;
  /** Bytes of a frame that is not whole, and of frames that wait to be delivered. */
  readonly heldBytes: number;
  /** Memory for what arrives next. */
  readonly allocatedBytes: number;
  /** Whether the link reads what the peer sends. */
  readonly isListening: boolean;
}
