/** Receives a payload that is larger than a receiver holds in one array. */

import type { Frame } from "./frame.ts";
import type { HugePlace } from "./huge_place.ts";
import type { Uint64 } from "./uint64.ts";

/** A huge payload that is arriving. */
export class HugeArrival {
  readonly #frame: Frame;
  readonly #place: HugePlace;
  readonly #payloadBytes: number;
  #filled = 0;
  /** Nothing more may come until it resolves. */
  settled: Promise<void> | undefined;

  constructor(type: number, id: Uint64, payloadBytes: number, place: HugePlace) {
    this.#frame = { type, id, payload: place.head, huge: place };
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
      const part = bytes.subarray(taken, taken + space.byteLength);
      space.set(part);
      this.commit(part.byteLength);
      taken += part.byteLength;
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
export class DiscardedBlob implements HugePlace {
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
