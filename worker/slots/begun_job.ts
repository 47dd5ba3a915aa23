/** Which job a slot has begun last, by the slot's own word: in memory that it shares with its worker. */

import { closeSync, openSync, readSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { DispatchId } from "../../pool/types.ts";
import { SLOT_SHARED_BYTES } from "../../slot/protocol.ts";

/** The worker's end of it. What the slot wrote there outlives the slot. */
export class BegunJob {
  readonly #path: string;
  #fd: number | undefined;
  readonly #value = new Float64Array(SLOT_SHARED_BYTES / Float64Array.BYTES_PER_ELEMENT);

  /** Makes the file, for a slot that is about to start. */
  constructor(path: string) {
    this.#path = path;
    writeFileSync(path, this.#value, { mode: 0o600 });
    this.#fd = openSync(path, "r");
  }

  /** The slot has the file open, or never will: nobody needs its name any more. */
  async unlink(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  /** The job that runs, or the last one if none does. Before the first one it is none that exists. */
  get id(): DispatchId {
    if (this.#fd !== undefined) readSync(this.#fd, this.#value, 0, SLOT_SHARED_BYTES, 0);
    return this.#value[0] as DispatchId;
  }

  /** The slot is gone: its last word stays. */
  close(): void {
    if (this.#fd === undefined) return;
    void this.id;
    closeSync(this.#fd);
    this.#fd = undefined;
  }
}
