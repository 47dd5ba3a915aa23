/** Jobs whose inputs and outputs are in memory that the slot shares with its worker. */

import type { Uint64 } from "../protocol/mod.ts";
import type { InheritedMemory, NativeCore, SlotChannel, SlotMemory } from "../runtime/ports.ts";
import { PAGE_BYTES } from "../runtime/native/shared_memory.ts";
import type { SharedJob } from "./protocol.ts";
import { DATA_AT, FreeRegions, MEMORY_BYTES, regionOf, ZEROS_BYTES } from "./regions.ts";

/**
 * Inputs of a core that writes to them are copied, up to this size: a page that is written to where it is shared costs
 * ten times as much. Memory of this size is kept for the next job anyway.
 */
const COPIED_INPUT_BYTES_MAX = 16 * 1024 * 1024;

/** The shared memory of one slot. */
export class SharedJobs {
  readonly #memory: SlotMemory;
  readonly #outputs = new FreeRegions();
  /** Whether the core has written to an input. */
  #isWriter = false;

  private constructor(memory: SlotMemory) {
    this.#memory = memory;
  }

  /** Takes the memory that this process has inherited. */
  static open(channel: SlotChannel, inherited: InheritedMemory): SharedJobs | undefined {
    const memory = channel.takeMemory?.(inherited);
    return memory && new SharedJobs(memory);
  }

  /** Runs a job, and returns its exit code. */
  run(core: NativeCore, { at, bytes }: SharedJob): number {
    if (at > MEMORY_BYTES) return this.#runHuge(core, at, bytes);
    if (!this.#isCopied(bytes)) return core.runAt(this.#memory.inputAddress(at), bytes);
    core.input(bytes).set(this.#memory.input(at, bytes));
    return core.run(bytes);
  }

  #runHuge(core: NativeCore, at: number, bytes: number): number {
    const start = this.#memory.mapInput(at - DATA_AT, DATA_AT + bytes + ZEROS_BYTES);
    if (start === undefined) throw new Error(`Cannot map an input of ${bytes} bytes`);
    return core.runAt(start + BigInt(DATA_AT), bytes);
  }

  /** After the job: nothing of what its core has written to its input is there for the next one. */
  restore({ at, bytes }: SharedJob): void {
    if (at > MEMORY_BYTES) return this.#memory.unmapInput();
    if (this.#isCopied(bytes)) return;
    const start = at - DATA_AT;
    const end = Math.ceil((at + bytes + ZEROS_BYTES) / PAGE_BYTES) * PAGE_BYTES;
    const isSmall = bytes <= COPIED_INPUT_BYTES_MAX;
    if (isSmall && !this.#memory.isInputWritten(start, end - start)) return;
    this.#isWriter ||= isSmall;
    this.#memory.restoreInput(start, end - start);
  }

  #isCopied(bytes: number): boolean {
    return this.#isWriter && bytes <= COPIED_INPUT_BYTES_MAX;
  }

  /** Whether the output of a job is there at all, so that it can be written to the socket. */
  hasOutput(core: NativeCore): boolean {
    return this.#memory.isOutputThere(core);
  }

  /** Copies the output of a job, and returns the index of its region; `undefined` if there is no room, or no output. */
  output(core: NativeCore): number | undefined {
    const region = core.outputPointer ? this.#outputs.take(core.outputBytes) : undefined;
    if (!region) return undefined;
    if (this.#memory.writeOutput(region.at, core)) return region.index;
    this.#outputs.release(region);
    return undefined;
  }

  /** The worker no longer needs an output. */
  onOutputTaken(index: Uint64): void {
    const region = regionOf(Number(index));
    if (region) this.#outputs.release(region);
  }
}
