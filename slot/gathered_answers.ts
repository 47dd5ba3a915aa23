/**
 * The answers of a slot, gathered to be written together. They lie in memory that the worker can read: an answer that
 * is not written yet is not lost with its slot, and need not wait for a long job behind it.
 */

import { FrameWriter } from "../protocol/mod.ts";
import type { NativePointer, SlotChannel } from "../runtime/ports.ts";
import {
  SLOT_ANSWERS_AT,
  SLOT_ANSWERS_BYTES_MAX,
  SLOT_NUMBERS,
  SlotNumber,
} from "./shared_layout.ts";

/** The most bytes of an answer beside its output: its header, what the job has used, and an announced mark. */
const ANSWER_BYTES_MAX = 1024;

/** Where answers are gathered, and written from. */
export class GatheredAnswers {
  readonly writer: FrameWriter;
  readonly #channel: SlotChannel;
  readonly #memory: Uint8Array<ArrayBuffer>;
  readonly #numbers: Float64Array<ArrayBuffer>;
  #writtenBytes = 0;
  #writtenAtUs = 0;

  /** `shared`: what the slot shares with its worker. */
  constructor(channel: SlotChannel, shared: ArrayBuffer) {
    this.#memory = new Uint8Array(shared, SLOT_ANSWERS_AT, SLOT_ANSWERS_BYTES_MAX);
    this.writer = new FrameWriter(undefined, this.#memory);
    this.#channel = channel;
    this.#numbers = new Float64Array(shared, 0, SLOT_NUMBERS);
  }

  /** When answers were last written, or jobs last arrived, on the clock of the slot. */
  get writtenAtUs(): number {
    return this.#writtenAtUs;
  }

  /** The worker has the registration of the slot: what is written from now on counts. */
  onRegistered(): void {
    this.#writtenBytes = 0;
    this.#numbers[SlotNumber.writtenBytes] = 0;
  }

  /** Jobs have arrived: their answers are the first to be gathered. */
  onArrived(): void {
    this.#writtenAtUs = this.#channel.usage.nowUs();
  }

  /** From now on, the worker can take what is gathered: what the core does next may never end. */
  publish(): void {
    const { batch, pendingBytes } = this.writer;
    this.#numbers[SlotNumber.heldBytes] = batch === this.#memory ? pendingBytes : 0;
  }

  /** Makes room for an answer with an output of this many bytes. */
  makeRoom(outputBytes: number): void {
    const bytes = this.writer.pendingBytes + outputBytes + ANSWER_BYTES_MAX;
    if (bytes > SLOT_ANSWERS_BYTES_MAX) this.flush();
  }

  /** Writes what is gathered. */
  flush(): void {
    for (let piece = this.writer.take(); piece; piece = this.writer.take()) {
      this.write(piece);
      this.writer.release(piece);
    }
    this.#writtenAtUs = this.#channel.usage.nowUs();
  }

  /** Writes bytes that are not gathered, behind those that are written. */
  write(bytes: Uint8Array<ArrayBuffer>): void {
    this.#channel.write(bytes);
    this.#onWritten(bytes.byteLength);
  }

  /** The same from memory of the core. */
  writeNative(pointer: NativePointer, bytes: number): void {
    this.#channel.writeNative(pointer, bytes);
    this.#onWritten(bytes);
  }

  /** The connection is closed. What is gathered is not to be taken: its worker must see that jobs are lost. */
  onDisconnected(): void {
    this.#numbers[SlotNumber.heldBytes] = 0;
    this.#numbers[SlotNumber.isDisconnected] = 1;
  }

  #onWritten(bytes: number): void {
    this.#writtenBytes += bytes;
    this.#numbers[SlotNumber.heldBytes] = 0;
    this.#numbers[SlotNumber.writtenBytes] = this.#writtenBytes;
  }
}
