/**
 * A large payload that is refused, whatever is in it: a job without a core, or a message of a type that its version
 * does not have. It is read to its end, so that the connection can go on, and kept nowhere.
 */

import type { FailureKindName, HugePlace } from "../../protocol/mod.ts";

const SCRATCH_BYTES = 64 * 1024;

/** Its bytes are overwritten as they arrive. */
export class UnwantedPayload implements HugePlace {
  readonly head = new Uint8Array(0);
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);
  readonly #bytes: number;
  readonly #pace: (bytes: number) => Promise<void> | undefined;
  #dropped = 0;

  /** `pace`: how fast it is read, over all connections. */
  constructor(
    bytes: number,
    readonly kind: FailureKindName,
    readonly reason: string,
    pace: (bytes: number) => Promise<void> | undefined,
  ) {
    this.#bytes = bytes;
    this.#pace = pace;
  }

  space(at: number): Uint8Array<ArrayBuffer> {
    return this.#scratch.subarray(0, this.#bytes - at);
  }

  onFilled(bytes: number): Promise<void> | undefined {
    const more = bytes - this.#dropped;
    this.#dropped = bytes;
    return this.#pace(more);
  }

  release(): void {}
}
