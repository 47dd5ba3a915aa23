/**
 * Payloads that are larger than a receiver holds in one array: they are sent and received part by part. Only jobs and
 * their results may be that large: they have some fields of a known size, and then one blob.
 */

import type { Frame } from "./frame.ts";
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

/** Where a large payload goes as it arrives. */
export interface LargePlace {
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

/** Gives the place for a payload that is over the limit; `undefined`: it is refused. */
export type FindLargePlace = (
  type: number,
  id: Uint64,
  payloadBytes: number,
) => LargePlace | undefined;

/** A large payload that is arriving. */
export class LargeArrival {
  readonly #frame: Frame;
  readonly #place: LargePlace;
  readonly #payloadBytes: number;
  #filled = 0;
  /** Nothing more may come until it resolves. */
  settled: Promise<void> | undefined;

  constructor(type: number, id: Uint64, payloadBytes: number, place: LargePlace) {
    this.#frame = { type, id, payload: place.head, large: place };
    this.#place = place;
    this.#payloadBytes = payloadBytes;
  }

  /** How much of it has arrived. */
  get filled(): number {
    return this.#filled;
  }

  /** Its frame, once all of it is there. */
  get frame(): Frame | undefined {
    return this.#filled === this.#payloadBytes ? this.#frame : undefined;
  }

  /** Takes bytes from another buffer, which copies them. */
  feed(bytes: Uint8Array): void {
    for (let taken = 0; taken < bytes.byteLength;) {
      const space = this.space(bytes.byteLength - taken);
      space.set(bytes.subarray(taken, taken + space.byteLength));
      this.commit(space.byteLength);
      taken += space.byteLength;
    }
  }

  /** Memory for the next bytes, at most `bytesMax`. */
  space(bytesMax: number): Uint8Array<ArrayBuffer> {
    const { head } = this.#place;
    const at = this.#filled - head.byteLength;
    return at < 0 ? head.subarray(this.#filled) : this.#place.space(at).subarray(0, bytesMax);
  }

  /** The first `bytes` bytes of `space` were filled. */
  commit(bytes: number): void {
    this.#filled += bytes;
    const blobBytes = this.#filled - this.#place.head.byteLength;
    if (blobBytes < 0) return;
    const settled = this.#place.onFilled(blobBytes);
    this.settled = settled;
    const forget = () => {
      if (this.settled === settled) this.settled = undefined;
    };
    settled?.then(forget, forget);
  }

  /** The rest of it does not come. */
  release(): void {
    this.#place.release();
  }
}

/** A place for what nobody keeps: it is read to its end, so that the connection can go on. `reason`: why. */
export class DiscardedBlob implements LargePlace {
  readonly head: Uint8Array<ArrayBuffer>;
  readonly #blobBytes: number;
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);

  constructor(headBytes: number, blobBytes: number, readonly reason: string) {
    this.head = new Uint8Array(headBytes);
    this.#blobBytes = blobBytes;
  }

  space(at: number): Uint8Array<ArrayBuffer> {
    return this.#scratch.subarray(0, this.#blobBytes - at);
  }

  onFilled(): undefined {}

  release(): void {}
}

const SCRATCH_BYTES = 64 * 1024;
