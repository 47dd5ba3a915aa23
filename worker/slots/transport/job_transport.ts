/** How jobs reach a slot and their responses come back: through its socket, or through memory that it shares. */

import type { Link } from "../../../link/link.ts";
import { type Frame, MessageType, ResponseType, type Uint64 } from "../../../protocol/mod.ts";
import type { HugeInput } from "./huge_input.ts";
import { checkUsage } from "./slot_usage.ts";
import type { JobPlace, PlacedPayload, SlotResponse } from "../../job.ts";

/** The way of the jobs of one process. */
export interface JobTransport {
  /** How many payloads have a place. */
  readonly placedJobs: number;
  /** How much memory of the process has outputs. */
  readonly outputBytes: number;
  /** A place for a payload that is still to be received, which the process then gets without a copy. */
  place(payloadBytes: number, prefixBytes: number): JobPlace | undefined;
  send(id: Uint64, job: PlacedPayload): void;
  /** A place for an input that is too large for one array. */
  placeHuge?(bytes: number, headBytes: number): HugeInput | undefined;
  /**
   * Sends a job with such an input. If the input is elsewhere, it is moved first, and jobs that come later wait for
   * that. `onFailed`: the process has no memory for it.
   */
  sendHuge?(id: Uint64, job: PlacedPayload, input: HugeInput, onFailed: () => void): void;
  /** The response in a frame from the process; `undefined` if it is none. */
  responseIn(frame: Frame): SlotResponse | undefined;
}

/** Everything goes through the socket: three copies more in each direction, on every system. */
export class SocketTransport implements JobTransport {
  readonly #link: Link;
  readonly placedJobs = 0;
  readonly outputBytes = 0;

  readonly #slot: number;

  /** `slot`: the number of the process's slot. */
  constructor(link: Link, slot: number) {
    this.#link = link;
    this.#slot = slot;
  }

  place(): undefined {
    return undefined;
  }

  /**
   * Each job is copied by itself into the slot's next write: jobs that came together wait in the pool, go to different
   * slots, and get new ids. What is in shared memory is copied first: the memory may be gone before all of it is written.
   */
  send(id: Uint64, job: PlacedPayload): void {
    if (job.place) {
      job.payload = new Uint8Array(job.payload);
      job.place.release();
      job.place = undefined;
    }
    this.#link.send(MessageType.job, id, job.payload);
  }

  responseIn(frame: SlotResponse): SlotResponse {
    if (frame.type === ResponseType.okWithUsage) checkUsage(frame.payload, this.#slot);
    return frame;
  }
}
