/** Where a decoder puts payloads that do not share memory with others. */

import type { FindHugePlace } from "./huge_place.ts";
import type { Uint64 } from "./uint64.ts";

/** Memory of somebody else's for a whole payload. */
export interface PayloadPlace {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /**
   * The same, with room for a header behind it. While a payload arrives, the next header may be there for a moment:
   * its type, its id and its length. Zeros take its place.
   */
  readonly withHeader?: Uint8Array<ArrayBuffer>;
  /** The payload does not arrive. Otherwise the memory belongs to whoever gets the frame. */
  release(): void;
}

/** Returns the place for a large payload that begins to arrive; `undefined`: it gets memory as it arrives. */
export type FindPlace = (type: number, payloadBytes: number) => PayloadPlace | undefined;

/** Returns the most bytes that a payload of this type may have now, at least 64 KiB. */
export type LimitPayload = (type: number, id: Uint64) => number;

/** Options of a decoder. */
export interface FrameDecoderOptions {
  readonly payloadBytesMax?: number | undefined;
  /** A lower limit of some payloads. Default: none. */
  readonly limitPayload?: LimitPayload | undefined;
  readonly findPlace?: FindPlace | undefined;
  /** Where a payload within the limit goes that need not be in one array; `undefined`: it is in one. */
  readonly findPartPlace?: FindHugePlace | undefined;
  /** Where a payload goes that is over the limit. */
  readonly findHugePlace?: FindHugePlace | undefined;
  /** How much of a large payload one read may bring now, if that is less than usual. */
  readonly largeReadBytesMax?: (() => number) | undefined;
}

/** A payload with memory of its own that is arriving. */
export interface ArrivingPayload {
  readonly type: number;
  readonly id: Uint64;
  readonly payloadBytes: number;
  /** How much of it has arrived. */
  readonly filled: number;
}

/** The same as a decoder has it. */
export interface PartialPayload extends ArrivingPayload {
  /** The payload, and maybe room for a header behind it. */
  bytes: Uint8Array<ArrayBuffer>;
  filled: number;
  readonly place: PayloadPlace | undefined;
  /** Nobody wants it. `bytes` is overwritten again and again. */
  isDiscarded: boolean;
}
