/**
 * What is kept of a job's results while the job is not decided: until another worker has voted, or has tried a failed
 * job. Honest workers fill little memory with that. Lying ones could return gigabytes for every job that they get.
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { JobResult } from "../../protocol/mod.ts";

/** Outputs of votes, and those of failed jobs, are kept up to this sum. */
const KEPT_BYTES_MAX = 64 * 1024 * 1024;

/** Whether another output is kept, beside those that are. A single one may be larger. */
export function mayKeep(outputBytes: number, heldBytes: number): boolean {
  return heldBytes === 0 || heldBytes + outputBytes <= KEPT_BYTES_MAX;
}

/** How much is left of an output that is not kept: the reason of a failure may be its first line. */
const BEGINNING_BYTES = 4 * 1024;

/** The result of a failed job with only the beginning of its output. */
export function withShortOutput({ exitCode, output }: JobResult): JobResult {
  return { exitCode, output: output.slice(0, BEGINNING_BYTES) };
}

/** A result that others are compared with: its output, or only the hash of it. */
export class KeptResult {
  readonly #exitCode: number;
  readonly #outputBytes: number;
  readonly #output: Uint8Array | undefined;
  readonly #sha256: Buffer | undefined;

  /** `keepsOutput`: the output is kept, because comparing outputs is faster. */
  constructor({ exitCode, output }: JobResult, keepsOutput: boolean) {
    this.#exitCode = exitCode;
    this.#outputBytes = output.byteLength;
    if (keepsOutput) this.#output = output;
    else this.#sha256 = sha256Of(output);
  }

  /** Bytes of the output that are kept. */
  get heldBytes(): number {
    return this.#output?.byteLength ?? 0;
  }

  /** Whether another result is the same. */
  equals({ exitCode, output }: JobResult): boolean {
    if (exitCode !== this.#exitCode || output.byteLength !== this.#outputBytes) return false;
    if (this.#output) return Buffer.compare(output, this.#output) === 0;
    return this.#sha256?.equals(sha256Of(output)) ?? false;
  }
}

function sha256Of(output: Uint8Array): Buffer {
  return createHash("sha256").update(output).digest();
}
