/**
 * Payloads that are larger than a receiver holds in one array are sent and received part by part. Only jobs and their
 * results may be that large: they have some fields of a known size, and then one blob.
 */

import type { Uint64 } from "./uint64.ts";

/** A blob that is sent part by part. Of up to 32 KiB it had better be an array. */
export interface BlobSource {
  readonly byteLength: number;
  /**
   * Some bytes from `at` on, at most `bytesMax`. They stay as they are until the next call. Rejects if the rest of the
   * blob cannot be had: then the connection cannot go on.
   */
  read(
    at: number,
    bytesMax: number,
  ): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>;
  /** It was sent, or never will be. Called once. */
  close(): void;
}

/** Where a huge payload goes as it arrives. */
export interface HugePlace {
  /** Memory for the fields before the blob, of their size. */
  readonly head: Uint8Array<ArrayBuffer>;
  /** Memory for what comes behind the first `at` bytes of the blob. Not empty, and all of it belongs to the blob. */
  space(at: number): Uint8Array<ArrayBuffer>;
  /**
   * The head is there, and the first `blobBytes` bytes of the blob. Nothing more comes until what is returned has
   * resolved. Throws a `ProtocolError` if the head cannot be right.
   */
  onFilled(blobBytes: number): Promise<void> | undefined;
  /** The payload does not arrive. Otherwise it belongs to whoever gets the frame. */
  release(): void;
}

/** Returns the place for a payload that is over the limit; `undefined`: it is refused. */
export type FindHugePlace = (
  type: number,
  id: Uint64,
  payloadBytes: number,
) => HugePlace | undefined;
