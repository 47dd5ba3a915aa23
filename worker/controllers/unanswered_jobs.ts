/** The unanswered jobs of one connection: how many there are, how large they are, and which has which id. */

import type { Uint64 } from "../../protocol/mod.ts";
import type { RelayedJob } from "../job.ts";
import { ReceiveBuffers } from "./receive_buffers.ts";

/** Counts the unanswered jobs of one connection. It keeps no list of them, which every job would pay for. */
export class UnansweredJobs {
  readonly #list: () => RelayedJob[];
  readonly #buffers: ReceiveBuffers;
  /** Exists from the first cancel on. If two jobs have the same id, against the protocol, it holds one of them. */
  #byId: Map<Uint64, RelayedJob> | undefined;
  #count = 0;
  #bytes = 0;

  /** `list` returns all jobs that were added and not removed. */
  constructor(list: () => RelayedJob[]) {
    this.#list = list;
    this.#buffers = new ReceiveBuffers(list);
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes of their payloads. */
  get bytes(): number {
    return this.#bytes;
  }

  add(job: RelayedJob): void {
    this.#count += 1;
    this.#bytes += job.payload.byteLength;
    this.#byId?.set(job.id, job);
    if (!job.place) this.#buffers.onReceived(job.payload);
  }

  remove(job: RelayedJob): void {
    this.#count -= 1;
    this.#bytes -= job.payload.byteLength;
    if (this.#byId?.get(job.id) === job) this.#byId.delete(job.id);
  }

  /** The job with this id. The index is built at the first cancel: most controllers never cancel. */
  withId(id: Uint64): RelayedJob | undefined {
    this.#byId ??= new Map(this.#list().map((job) => [job.id, job]));
    return this.#byId.get(id);
  }

  /** The connection is closed. Running jobs still refer to it, and must not keep all other jobs in memory. */
  close(): void {
    this.#byId = undefined;
  }
}
