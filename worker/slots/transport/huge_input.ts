/**
 * The input of a job that is too large for one array. It is received to where its slot finds it, or to memory that only
 * this process has, if no slot has the core yet. This process maps a part of it at a time.
 */

import type { HugePlace } from "../../../protocol/mod.ts";
import type { EndpointId } from "../../../pool/types.ts";
import { nextTurn } from "../../../runtime/clock.ts";
import type { Runtime } from "../../../runtime/ports.ts";
import {
  type MemoryWindow,
  PAGE_BYTES,
  type SharedMemory,
} from "../../../runtime/native/shared_memory.ts";
import { DATA_AT, HUGE_MEMORY_BYTES, ZEROS_BYTES } from "../../../slot/regions.ts";
import { sizeText } from "../../../system/size_text.ts";

/** How much of it is mapped at a time: more than a CPU's caches hold, so a larger window would gain nothing. */
export const WINDOW_BYTES = 64 * 1024 * 1024;

/** Where a huge input is. */
export interface HugeInputOptions {
  readonly memory: SharedMemory;
  /** Whose memory it is. */
  readonly owner: object;
  /** Where its room begins, a multiple of `PAGE_BYTES`. */
  readonly roomAt: number;
  readonly headBytes: number;
  readonly bytes: number;
  /** Its room is free again, and its memory was given back. */
  readonly onReleased: () => void;
}

/** A huge input. */
export class HugeInput implements HugePlace {
  readonly owner: object;
  readonly head: Uint8Array<ArrayBuffer>;
  /** Its size. */
  readonly bytes: number;
  /** The endpoint of the slot whose memory it is in. */
  endpoint?: EndpointId;
  readonly #memory: SharedMemory;
  readonly #roomAt: number;
  readonly #onReleased: () => void;
  #window: MemoryWindow | undefined;
  /** Where the window begins in the room. */
  #windowAt = 0;
  #filled = 0;
  /** Resolves to whether all of it is here, once it has been moved here. */
  #arrival: Promise<boolean> = Promise.resolve(true);
  #isReleased = false;

  constructor({ memory, owner, roomAt, headBytes, bytes, onReleased }: HugeInputOptions) {
    this.owner = owner;
    this.head = new Uint8Array(headBytes);
    this.bytes = bytes;
    this.#memory = memory;
    this.#roomAt = roomAt;
    this.#onReleased = onReleased;
  }

  /** Where it is in its memory. */
  get at(): number {
    return this.#roomAt + DATA_AT;
  }

  get isReleased(): boolean {
    return this.#isReleased;
  }

  /** How much of it is still to arrive. */
  get missingBytes(): number {
    return this.bytes - this.#filled;
  }

  space(at: number): Uint8Array<ArrayBuffer> {
    const from = DATA_AT + at;
    const { bytes } = this.#windowWith(from);
    const end = DATA_AT + this.bytes - this.#windowAt;
    return bytes.subarray(from - this.#windowAt, end);
  }

  onFilled(blobBytes: number): undefined {
    this.#filled = blobBytes;
    if (blobBytes === this.bytes) this.#closeWindow();
  }

  /**
   * Moves it to another place, which has its size, and which belongs to its job from now on. Memory that is copied is
   * given back, and others have their turn between two windows. Resolves to whether all of it has arrived: not if the
   * other place was released meanwhile, or the system did not allow it. Then the input is lost.
   */
  moveTo(other: HugeInput): Promise<boolean> {
    return other.#arrival = this.#moveTo(other).catch(() => false).finally(() => this.release());
  }

  async #moveTo(other: HugeInput): Promise<boolean> {
    if (!await this.#arrival) return false; // it may still be on its way here
    other.head.set(this.head.subarray(this.head.byteLength - other.head.byteLength));
    for (let at = 0; at < this.bytes;) {
      if (other.#isReleased) return false;
      at = this.#copyWindowTo(other, at);
      await nextTurn();
    }
    return true;
  }

  /** Copies from `at` to the end of a window. Returns how much the other place has then. */
  #copyWindowTo(other: HugeInput, at: number): number {
    const from = this.space(at);
    const to = other.space(at).subarray(0, from.byteLength);
    to.set(from.subarray(0, to.byteLength));
    const end = at + to.byteLength;
    other.onFilled(end);
    if (DATA_AT + end === this.#windowAt + WINDOW_BYTES) {
      this.#discard(this.#windowAt, WINDOW_BYTES);
    }
    return end;
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#closeWindow();
    this.#discard(0, roomBytes(this.bytes));
    this.#onReleased();
  }

  #windowWith(from: number): MemoryWindow {
    const at = Math.floor(from / WINDOW_BYTES) * WINDOW_BYTES;
    if (this.#window && this.#windowAt === at) return this.#window;
    this.#closeWindow();
    this.#window = this.#memory.window?.(this.#roomAt + at, WINDOW_BYTES);
    this.#windowAt = at;
    if (!this.#window) throw new Error(`Cannot map a part of an input of ${sizeText(this.bytes)}`);
    return this.#window;
  }

  #closeWindow(): void {
    this.#window?.close();
    this.#window = undefined;
  }

  #discard(at: number, bytes: number): void {
    this.#memory.discard(this.#roomAt + at, bytes);
  }
}

/**
 * Memory that only this process has, for one input; `undefined` if the system has none, or no slot could have the
 * input: a limit on the size of files (`ulimit -f`) may be too low for the memory of slots. The file is sparse.
 */
export function ownInput(
  runtime: Pick<Runtime, "createMemory">,
  bytes: number,
  headBytes: number,
): HugeInput | undefined {
  const memory = runtime.createMemory?.(PAGE_BYTES, "this", HUGE_MEMORY_BYTES);
  if (!memory?.window) return undefined;
  const onReleased = () => memory.close();
  return new HugeInput({ memory, owner: memory, roomAt: 0, headBytes, bytes, onReleased });
}

/** Bytes of the room for an input, with the zeros behind it. */
function roomBytes(bytes: number): number {
  return Math.ceil((DATA_AT + bytes + ZEROS_BYTES) / PAGE_BYTES) * PAGE_BYTES;
}
