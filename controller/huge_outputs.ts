/** Outputs that are too large to be in memory: what workers, the cluster and the output folder know of them. */

import type { HugePlace } from "../protocol/mod.ts";

/** An output that is not in memory. */
export interface StoredOutput {
  readonly byteLength: number;
  /** Its hash, if outputs are compared. To be asked for once. */
  readonly sha256: string;
  /** Nobody wants it. */
  discard(): void;
}

/** An output that goes to where it is stored as it arrives. */
export type ArrivingOutput = HugePlace & StoredOutput;

/** Takes outputs that are too large to be in memory. */
export interface HugeOutputs<Output extends ArrivingOutput = ArrivingOutput> {
  /** Why an output of this many bytes cannot be taken. A worker that lies about its size must not fill the disk. */
  problemOf(bytes: number): string | undefined;
  /** `headBytes`: the fields that come before the `bytes` bytes of the output. */
  open(headBytes: number, bytes: number): Output;
}
