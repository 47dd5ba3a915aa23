/**
 * Which job a slot started last, as the slot itself says: in memory that it shares with its worker. A message
 * would not do: a slot holds back the answers of short jobs, and a job that hangs sends nothing.
 */

import { closeSync, openSync, readSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { DispatchId } from "../../pool/types.ts";
import { SLOT_SHARED_BYTES } from "../../slot/protocol.ts";

/** The worker's end of the shared memory. What the slot wrote last can be read after its end, too. */
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

  /** Removes the file's name: the slot has the file open, or never will. */
  async unlink(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  /** The job that runs, or the last one if none does; before the first one, an id that no job has. */
  get id(): DispatchId {
    if (this.#fd !== undefined) readSync(this.#fd, this.#value, 0, SLOT_SHARED_BYTES, 0);
    return this.#value[0] as DispatchId;
  }

  /** The slot is gone: its last id stays. */
  close(): void {
    if (this.#fd === undefined) return;
    void this.id;
    closeSync(this.#fd);
    this.#fd = undefined;
  }
}
