/** What fake and simulated slots have in common: a process that is none, and its end of the socket to its worker. */

import type { ByteStream, ChildProcess, ProcessEnd } from "../../runtime/ports.ts";
import { SLOT_REGISTER } from "../../slot/protocol.ts";
import { encodeFrame, type Frame, FrameReader } from "../fixtures/peers/frames.ts";

/** Bytes of a job's payload before its input: an id and a length. */
const JOB_PREFIX_BYTES = 16;

const NOTHING = new Uint8Array(0);

const decoder = new TextDecoder();

/** A slot that speaks the slot protocol. */
export abstract class SlotPeer implements ChildProcess, ByteStream {
  readonly peer = "a slot";
  readonly outputs = [];
  readonly #ended = Promise.withResolvers<ProcessEnd>();
  readonly ended = this.#ended.promise;
  readonly #messages = new FrameReader();
  readonly #unread: Uint8Array[] = [];
  #onReadable: (() => void) | undefined;
  #hasHungUp = false;
  isClosed = false;
  isGone = false;

  constructor(readonly pid: number) {}

  /** A message from the worker. */
  protected abstract onMessage(frame: Frame): void;

  /** Lets the worker notice something: at once, unless it cannot run now. */
  protected tellWorker(act: () => void): void {
    act();
  }

  /** Connects to its worker under its ticket. */
  register(ticket: number): void {
    this.send(SLOT_REGISTER, BigInt(ticket), NOTHING);
  }

  // As a process.

  abstract kill(): void;

  unref(): void {}

  protected exit(end: ProcessEnd): void {
    if (this.isGone) return;
    this.isGone = true;
    this.tellWorker(() => this.#ended.resolve(end));
    this.hangUp();
  }

  // As a stream to the worker.

  async read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    while (this.#unread.length === 0) {
      if (this.#hasHungUp || this.isClosed) return null;
      await new Promise<void>((resolve) => this.#onReadable = resolve);
    }
    const next = this.#unread.shift() as Uint8Array;
    const part = next.subarray(0, into.byteLength);
    into.set(part);
    if (part.byteLength < next.byteLength) this.#unread.unshift(next.subarray(part.byteLength));
    return part.byteLength;
  }

  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (!this.isGone) {
      for (const frame of this.#messages.push(bytes.slice())) this.onMessage(frame);
    }
    return Promise.resolve();
  }

  endWrites(): Promise<void> {
    this.exit({ exitCode: 0 });
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.#wake();
  }

  /** Closes its end of the socket. */
  protected hangUp(): void {
    this.#hasHungUp = true;
    this.#wake();
  }

  protected send(type: number, id: bigint, payload: Uint8Array): void {
    this.sendBytes(encodeFrame({ type, id, payload }));
  }

  /** Writes bytes of frames. */
  protected sendBytes(...bytes: Uint8Array[]): void {
    if (this.isGone) return;
    this.#unread.push(...bytes);
    this.#wake();
  }

  #wake(): void {
    const wake = this.#onReadable;
    this.#onReadable = undefined;
    if (wake) this.tellWorker(wake);
  }
}

/** The input of a job as text; inputs may be any bytes. */
export function inputOf({ payload }: Frame): string {
  return decoder.decode(payload.subarray(JOB_PREFIX_BYTES));
}
