/** The jobs of one connection that are not answered yet: how many, how large, and which has which id. */

import type { Uint64 } from "../../protocol/mod.ts";
import type { RelayedJob } from "../job.ts";
import { ReceiveBuffers } from "./receive_buffers.ts";

/** Counts the unanswered jobs of one connection. It keeps no list of them, which every job would pay for. */
export class UnansweredJobs {
  readonly #list: () => RelayedJob[];
  readonly #buffers: ReceiveBuffers;
  /** From the first cancel on. Of two with one id, which is against the protocol, one. */
  #byId: Map<Uint64, RelayedJob> | undefined;
  #count = 0;
  #bytes = 0;

  /** `list` gives all jobs that were added and not removed. */
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
    this.#buffers.onReceived(job.payload);
  }

  remove(job: RelayedJob): void {
    this.#count -= 1;
    this.#bytes -= job.payload.byteLength;
    if (this.#byId?.get(job.id) === job) this.#byId.delete(job.id);
  }

  /** The job with this id. Most controllers never cancel: until one does, no job pays for an index. */
  withId(id: Uint64): RelayedJob | undefined {
    this.#byId ??= new Map(this.#list().map((job) => [job.id, job]));
    return this.#byId.get(id);
  }

  /** The connection is closed. A job that still runs refers to it, and must not keep the others in memory. */
  close(): void {
    this.#byId = undefined;
  }
}
