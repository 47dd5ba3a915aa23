/**
 * Large inputs and outputs go through memory that worker and slot share, and small ones together through the socket.
 */

import type { Link } from "../../../link/link.ts";
import { type Frame, JOB_PREFIX_BYTES, readUint64, type Uint64 } from "../../../protocol/mod.ts";
import {
  encodeSharedJob,
  SLOT_HAS_MEMORY,
  SLOT_OUTPUT_TAKEN,
  SLOT_SHARED_JOB,
  SLOT_SHARED_OUTPUT,
} from "../../../slot/protocol.ts";
import { isScarce } from "../../../slot/regions.ts";
import type { JobPlace, PlacedPayload, SlotResponse } from "../../job.ts";
import { type JobTransport, SocketTransport } from "./job_transport.ts";
import type { HugeInput } from "./huge_input.ts";
import type { ProcessMemory } from "./process_memory.ts";

/** A smaller payload is sent together with others, which costs less than a message about each. */
const SHARED_BYTES_MIN = 32 * 1024;

/**
 * The slot is told which regions are free again together with its next job, which costs nothing, or when they are this
 * many. Of the largest a slot has few.
 */
const UNTOLD_MAX = 24;
const UNTOLD_SCARCE_MAX = 2;

const NOTHING = new Uint8Array(0);

/** See `JobTransport`. */
export class MemoryTransport implements JobTransport {
  readonly #link: Link;
  readonly #socket: SocketTransport;
  readonly #memory: ProcessMemory;
  /** Until the process has taken the memory, or if it cannot, everything goes through its socket. */
  #isTaken = false;
  /** Regions whose outputs are no longer needed, which the process does not know yet. */
  readonly #untold: number[] = [];
  /**
   * Whether a huge input is being moved to the memory, and what is to be sent after it: no more than a window of jobs.
   */
  #isMoving = false;
  readonly #waiting: (() => void)[] = [];

  constructor(link: Link, memory: ProcessMemory, slot: number) {
    this.#link = link;
    this.#socket = new SocketTransport(link, slot);
    this.#memory = memory;
  }

  get placedJobs(): number {
    return this.#memory.placedJobs;
  }

  get outputBytes(): number {
    return this.#memory.outputBytes;
  }

  place(payloadBytes: number, prefixBytes: number): JobPlace | undefined {
    const isPossible = this.#isTaken && payloadBytes >= SHARED_BYTES_MIN;
    return isPossible ? this.#memory.place(payloadBytes, prefixBytes) : undefined;
  }

  placeHuge(bytes: number, headBytes: number): HugeInput | undefined {
    return this.#isTaken ? this.#memory.placeHuge(bytes, headBytes) : undefined;
  }

  sendHuge(id: Uint64, job: PlacedPayload, input: HugeInput, onFailed: () => void): void {
    if (!this.#isMoving) this.#sendHuge(id, job, input, onFailed);
    else this.#waiting.push(() => this.#sendHuge(id, job, input, onFailed));
  }

  #sendHuge(id: Uint64, job: PlacedPayload, input: HugeInput, onFailed: () => void): void {
    if (input.owner === this.#memory) return this.#sendPlaced(id, job, input);
    const place = this.placeHuge(input.bytes, JOB_PREFIX_BYTES);
    if (!place) return onFailed();
    job.huge = place;
    this.#isMoving = true;
    void input.moveTo(place).then((hasMoved) => {
      this.#isMoving = false;
      if (this.#link.isClosed) this.#waiting.length = 0; // other processes get the jobs
      else if (hasMoved) this.#sendPlaced(id, job, place);
      else onFailed();
      while (!this.#isMoving && this.#waiting.length > 0) this.#waiting.shift()?.();
    });
  }

  #sendPlaced(id: Uint64, job: PlacedPayload, { at, bytes }: HugeInput): void {
    this.#tell();
    const index = readUint64(job.payload, 0);
    this.#link.send(SLOT_SHARED_JOB, id, encodeSharedJob({ at, bytes, index }));
  }

  /** A slot gets its jobs in the order in which the pool has given them to it. */
  send(id: Uint64, job: PlacedPayload): void {
    if (!this.#isMoving) this.#send(id, job);
    else this.#waiting.push(() => this.#send(id, job));
  }

  #send(id: Uint64, job: PlacedPayload): void {
    this.#tell();
    const place = this.#placeOf(job);
    if (!place) return this.#socket.send(id, job);
    this.#link.send(SLOT_SHARED_JOB, id, encodeSharedJob(this.#memory.jobAt(place)));
  }

  /** Copies the payload if it is somewhere else. */
  #placeOf(job: PlacedPayload): JobPlace | undefined {
    const before = job.place;
    if (before?.memory === this.#memory) return before;
    const place = this.place(job.payload.byteLength, JOB_PREFIX_BYTES);
    if (!place) return undefined;
    place.payload.set(job.payload);
    job.payload = place.payload;
    job.place = place;
    before?.release();
    return place;
  }

  #tell(): void {
    while (this.#untold.length > 0) {
      this.#link.send(SLOT_OUTPUT_TAKEN, this.#untold.pop() as number, NOTHING);
    }
  }

  responseIn(frame: Frame): SlotResponse | undefined {
    if (frame.type === SLOT_SHARED_OUTPUT && this.#isTaken) {
      const response = this.#memory.response(frame, (region) => {
        this.#untold.push(region);
        const untoldMax = isScarce(region) ? UNTOLD_SCARCE_MAX : UNTOLD_MAX;
        if (this.#untold.length > untoldMax) this.#tell();
      });
      return this.#socket.responseIn(response);
    }
    if (frame.type !== SLOT_HAS_MEMORY) return this.#socket.responseIn(frame);
    this.#isTaken = true;
    return undefined;
  }
}

/** The way of the jobs of a process that has connected. `slot`: the number of its slot. */
export function openTransport(
  link: Link,
  memory: ProcessMemory | undefined,
  slot: number,
): JobTransport {
  return memory ? new MemoryTransport(link, memory, slot) : new SocketTransport(link, slot);
}
