/** The huge inputs of a worker: where each goes when it begins to arrive, as far as there is memory for it. */

import { DiscardedBlob, HUGE_BLOB_BYTES_MAX } from "../../../protocol/mod.ts";
import type { CoreKey } from "../../../pool/types.ts";
import type { ProcFiles } from "../../../runtime/proc_files.ts";
import { HUGE_INPUTS_AT } from "../../../slot/regions.ts";
import { type UsableMemory, usableMemory } from "../../../system/usable_memory.ts";
import { sizeText } from "../../../system/size_text.ts";
import type { HugeInput } from "./huge_input.ts";

/** What huge inputs need of the worker. */
export interface HugeInputParts {
  /** A place in the memory of a slot that has the core; `undefined` if there is none. */
  placeAt(key: CoreKey, bytes: number, headBytes: number): HugeInput | undefined;
  /** One in memory of this process; `undefined` if the system has none. */
  placeHere(bytes: number, headBytes: number): HugeInput | undefined;
  /** The machine, whose memory they take. */
  readonly system: ProcFiles;
}

/** All huge inputs of a worker. */
export class HugeInputs {
  readonly #parts: HugeInputParts;
  readonly #inputs = new Set<HugeInput>();

  constructor(parts: HugeInputParts) {
    this.#parts = parts;
  }

  /** The largest input that there may be: this machine has no memory for a larger one, whatever runs on it. */
  get bytesMax(): number {
    return Math.min(HUGE_BLOB_BYTES_MAX, this.#memory.totalBytes);
  }

  /**
   * A place for an input that begins to arrive. If there is no memory for all of it now, it is discarded as it arrives.
   * `undefined`: this system has no memory for any. `key`: the core that is loaded for it.
   */
  place(
    key: CoreKey | undefined,
    bytes: number,
    headBytes: number,
  ): HugeInput | DiscardedBlob | undefined {
    const problem = this.#problemOf(bytes);
    if (problem !== undefined) return new DiscardedBlob(headBytes, bytes, problem);
    const { placeAt, placeHere } = this.#parts;
    const input = (key !== undefined && placeAt(key, bytes, headBytes)) ||
      placeHere(bytes, headBytes);
    if (input) this.#inputs.add(input);
    return input;
  }

  get #memory(): UsableMemory {
    return usableMemory(this.#parts.system);
  }

  #problemOf(bytes: number): string | undefined {
    let comingBytes = 0;
    for (const input of this.#inputs) {
      if (input.isReleased) this.#inputs.delete(input);
      else comingBytes += input.missingBytes;
    }
    // Each may have to move to the memory of any slot, which has room for this many.
    if (this.#inputs.size >= HUGE_INPUTS_AT.length) {
      return `An input has ${sizeText(bytes)}, and this worker already has ${this.#inputs.size} ` +
        "inputs of more than 1 GiB, which is its limit; run the job later or on another worker";
    }
    const roomBytes = Math.max(0, this.#memory.freeBytes - comingBytes);
    if (bytes <= roomBytes) return undefined;
    return `An input of ${
      sizeText(bytes)
    } does not fit into the memory of this worker, which has ` +
      `${sizeText(roomBytes)} free; run the job on a larger machine, or with fewer jobs beside it`;
  }
}
