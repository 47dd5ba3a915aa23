/**
 * The memory that a worker shares with one process of a slot. Only this process has it, and it is gone with the
 * process: nothing of another core is ever there.
 */

import {
  type Frame,
  HEADER_BYTES,
  JOB_PREFIX_BYTES,
  JOB_RESULT_PREFIX_BYTES,
  MalformedPayloadError,
  readUint64,
  ResponseType,
  USAGE_BYTES,
  writeUint64,
  writeUsage,
} from "../../../protocol/mod.ts";
import type { Clock, Timer } from "../../../runtime/clock.ts";
import type { InheritedMemory, Runtime } from "../../../runtime/ports.ts";
import type { SharedMemory } from "../../../runtime/native/shared_memory.ts";
import { decodeSharedOutput, type SharedJob } from "../../../slot/protocol.ts";
import {
  DATA_AT,
  FreeRegions,
  HUGE_INPUTS_AT,
  HUGE_MEMORY_BYTES,
  MEMORY_BYTES,
  type Region,
  regionOf,
  USUAL_BYTES,
} from "../../../slot/regions.ts";
import type { JobPlace, SlotResponse } from "../../job.ts";
import { HugeInput } from "./huge_input.ts";
import { RegionViews } from "./region_views.ts";

/** A process that has had no input for this long may be idle for longer: most of the memory for inputs goes back. */
const IDLE_MS = 1_000;

/** Bytes of the payload of a result before its output. */
const RESULT_HEAD_BYTES = USAGE_BYTES + JOB_RESULT_PREFIX_BYTES;

/** The memory of one process. */
export class ProcessMemory {
  readonly #inputs: SharedMemory;
  readonly #outputs: SharedMemory;
  readonly #inputViews: RegionViews;
  readonly #outputViews: RegionViews;
  readonly #freeInputs = new FreeRegions();
  readonly #usedOutputs = new Set<Region>();
  /** Where huge inputs may be that are free. */
  readonly #freeHuge: number[] = [];
  #hugeInputs = 0;
  readonly #clock: Clock;
  /** Set while memory may go back soon. */
  #idle: Timer | undefined;
  #isGone = false;

  private constructor(
    clock: Clock,
    inputs: SharedMemory,
    outputs: SharedMemory,
    hasHuge: boolean,
  ) {
    this.#clock = clock;
    this.#inputs = inputs;
    this.#outputs = outputs;
    this.#inputViews = new RegionViews(inputs, "coldest");
    this.#outputViews = new RegionViews(outputs, "released");
    if (hasHuge) this.#freeHuge.push(...HUGE_INPUTS_AT);
  }

  /** Makes it for a process that is about to start; `undefined` where the system cannot. */
  static create(runtime: Pick<Runtime, "createMemory" | "clock">): ProcessMemory | undefined {
    // A limit on the size of files (`ulimit -f`) may allow less.
    const huge = runtime.createMemory?.(MEMORY_BYTES, "this", HUGE_MEMORY_BYTES);
    const inputs = huge ?? runtime.createMemory?.(MEMORY_BYTES, "this");
    const outputs = inputs && runtime.createMemory?.(MEMORY_BYTES, "other");
    const hasHuge = huge?.window !== undefined;
    if (inputs && outputs) return new ProcessMemory(runtime.clock, inputs, outputs, hasHuge);
    inputs?.close();
    return undefined;
  }

  /** The descriptors that the process inherits. */
  get descriptors(): readonly number[] {
    return [this.#inputs.fd, this.#outputs.fd];
  }

  /** What the process is told about it. `inheritedAs`: the numbers that it has for the descriptors. */
  inherited(inheritedAs: (fd: number, index: number) => number): InheritedMemory {
    const [inputs = -1, outputs = -1] = this.descriptors.map(inheritedAs);
    return { inputs, outputs, bytes: MEMORY_BYTES, mappedBytes: USUAL_BYTES };
  }

  /** How many inputs are in it. */
  get placedJobs(): number {
    return this.#freeInputs.usedCount + this.#hugeInputs;
  }

  /** How many inputs and outputs are in it. */
  get usedCount(): number {
    return this.placedJobs + this.#usedOutputs.size;
  }

  /** How much of it the process has written outputs to; not those that it writes by system calls. */
  get outputBytes(): number {
    return this.#outputViews.usedBytes((region) => region.at < USUAL_BYTES);
  }

  /**
   * A place for the payload of a job, whose first `prefixBytes` come before the input; `undefined` if there is none.
   */
  place(payloadBytes: number, prefixBytes: number): JobPlace | undefined {
    const bytes = payloadBytes - prefixBytes;
    const region = this.#isGone ? undefined : this.#freeInputs.take(bytes);
    if (!region) return undefined;
    const end = DATA_AT + bytes;
    this.#inputViews.clearFrom(region, end);
    const withHeader = this.#inputViews.view(region, end, HEADER_BYTES)
      .subarray(DATA_AT - prefixBytes);
    return {
      memory: this,
      payload: withHeader.subarray(0, payloadBytes),
      withHeader,
      at: region.at + DATA_AT,
      release: () => this.#free(region),
    };
  }

  /** A place for an input that is too large for the others; `undefined` if there is none. */
  placeHuge(bytes: number, headBytes: number): HugeInput | undefined {
    const roomAt = this.#isGone ? undefined : this.#freeHuge.pop();
    if (roomAt === undefined) return undefined;
    this.#hugeInputs += 1;
    const onReleased = () => {
      this.#hugeInputs -= 1;
      this.#freeHuge.push(roomAt);
      this.#closeIfUnused();
    };
    const memory = this.#inputs;
    return new HugeInput({ memory, owner: this, roomAt, headBytes, bytes, onReleased });
  }

  /** The job at a place. */
  jobAt({ at, payload }: JobPlace): SharedJob {
    return {
      at,
      bytes: payload.byteLength - JOB_PREFIX_BYTES,
      index: readUint64(payload, 0),
    };
  }

  #free(region: Region): void {
    this.#inputViews.onReleased(region);
    this.#freeInputs.release(region);
    if (this.#freeInputs.usedCount === 0 && !this.#isGone) {
      this.#idle ??= this.#clock.after(IDLE_MS, () => this.#onIdle());
    }
    this.#closeIfUnused();
  }

  #onIdle(): void {
    this.#idle = undefined;
    if (this.#freeInputs.usedCount === 0) this.#inputViews.onIdle();
  }

  /**
   * The response that a slot announces. What it says is checked: a core can write to the socket of its slot. It can
   * write to the output too until that is sent, but not to the header and the fields before it, which decide where the
   * next message begins.
   * `onTaken`: its region, which has this index, is free again.
   */
  response({ id, payload: fields }: Frame, onTaken: (index: number) => void): SlotResponse {
    const { region: index, bytes, exitCode, usage } = decodeSharedOutput(fields);
    const region = regionOf(index);
    if (!region || this.#usedOutputs.has(region) || bytes > region.byteLength) {
      throw new MalformedPayloadError(
        `A slot announced ${bytes} bytes of output that do not exist`,
      );
    }
    this.#usedOutputs.add(region);
    const view = this.#outputViews.viewWithHead(region, bytes) ?? this.#copyOf(region, bytes);
    const payload = view.subarray(view.byteLength - bytes - RESULT_HEAD_BYTES);
    const head = new DataView(payload.buffer, payload.byteOffset);
    writeUsage(head, 0, usage);
    head.setInt32(USAGE_BYTES, exitCode, true);
    writeUint64(head, USAGE_BYTES + 4, bytes);
    return {
      type: ResponseType.okWithUsage,
      id,
      payload,
      release: () => {
        this.#take(region);
        if (!this.#isGone) onTaken(index);
      },
    };
  }

  /** An output behind room for the header and the fields of its message. */
  #copyOf(region: Region, bytes: number): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(HEADER_BYTES + RESULT_HEAD_BYTES + bytes);
    copy.set(this.#outputViews.view(region, bytes), copy.byteLength - bytes);
    return copy;
  }

  #take(region: Region): void {
    this.#outputViews.onReleased(region);
    this.#usedOutputs.delete(region);
    this.#closeIfUnused();
  }

  /**
   * The process is gone. Each memory follows once nothing in it is needed: outputs may be unread for long. Until then
   * they take neither a descriptor nor memory beside their own: a controller may leave those of a thousand processes.
   */
  onGone(): void {
    this.#isGone = true;
    this.#outputViews.giveBackKept();
    this.#outputs.closeDescriptors();
    this.#idle?.stop();
    this.#closeIfUnused();
  }

  #closeIfUnused(): void {
    if (!this.#isGone) return;
    if (this.placedJobs === 0) this.#inputs.close();
    if (this.#usedOutputs.size === 0) this.#outputs.close();
  }
}
