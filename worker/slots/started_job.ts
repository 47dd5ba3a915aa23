/**
 * Which job a slot started last. The slot writes it to memory that it shares with its worker. A message would
 * not do: a slot sends the answers of short jobs in batches, and cannot send anything while a job hangs.
 */

import { closeSync, openSync, readSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { DispatchId } from "../../pool/types.ts";
import { SLOT_SHARED_BYTES } from "../../slot/protocol.ts";

/** The worker's end of the shared memory. The last value stays readable after the slot has exited. */
export class StartedJob {
  readonly #path: string;
  #fd: number | undefined;
  readonly #value = new Float64Array(SLOT_SHARED_BYTES / Float64Array.BYTES_PER_ELEMENT);

  /** Makes the file at `path`, for a slot that is about to start. */
  constructor(path: string) {
    this.#path = path;
    writeFileSync(path, this.#value, { mode: 0o600 });
    this.#fd = openSync(path, "r");
  }

  /** Removes the file's name. By then the slot has opened the file, or failed to start. */
  async unlink(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  /** The running job, or the last one if none runs; before the first job, an id that no job has. */
  get id(): DispatchId {
    if (this.#fd !== undefined) readSync(this.#fd, this.#value, 0, SLOT_SHARED_BYTES, 0);
    return this.#value[0] as DispatchId;
  }

  /** The slot has exited: reads its last id, and closes the file. */
  close(): void {
    if (this.#fd === undefined) return;
    void this.id;
    closeSync(this.#fd);
    this.#fd = undefined;
  }
}
