/** Watches the connections of a run: after which offers of version 2 the machine has not described itself. */

import type { ByteStream } from "../../runtime/ports.ts";
import { DESCRIBE, type Frame, FrameReader, OK, VERSION, view } from "../fixtures/peers/frames.ts";

/** The offers to one machine, in one start of a run. */
export interface Offers {
  /** How many connections with an offer of version 2 have ended before a worker has described itself, since one has. */
  unanswered: number;
  /** Whether a worker of this machine has described itself, which only version 2 can. */
  hasDescribed: boolean;
  /** Whether the last connection has agreed on version 1. */
  isVersion1: boolean;
}

/** A run's end of a connection. It counts its offer, and passes everything on as it is. */
export class WatchedStream implements ByteStream {
  readonly peer: string;
  readonly #stream: ByteStream;
  readonly #offers: Offers;
  readonly #messages = new FrameReader();
  readonly #answers = new FrameReader();
  #isOffered = false;
  /** The message that offers a version, and the one that asks the worker to describe itself. */
  #version: bigint | undefined;
  #describe: bigint | undefined;
  /** Nothing that follows tells more. */
  #isOver = false;

  constructor(stream: ByteStream, offers: Offers) {
    this.peer = stream.peer;
    this.#stream = stream;
    this.#offers = offers;
    offers.isVersion1 = false;
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    try {
      const bytes = await this.#stream.read(into);
      if (bytes === null) this.#onEnd();
      else if (!this.#isOver) this.#onAnswers(this.#answers.push(into.slice(0, bytes)));
      return bytes;
    } catch (error) {
      this.#onEnd();
      throw error;
    }
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (!this.#isOver) this.#onMessages(this.#messages.push(bytes.slice()));
    await this.#stream.write(bytes);
  }

  endWrites(): Promise<void> {
    return this.#stream.endWrites();
  }

  close(): void {
    this.#onEnd();
    this.#stream.close();
  }

  #onMessages(frames: readonly Frame[]): void {
    for (const { type, id, payload } of frames) {
      if (type === VERSION) this.#isOffered = view(payload).getUint32(0, true) === 2;
      if (type === VERSION) this.#version = id;
      if (type === DESCRIBE) this.#describe = id;
    }
  }

  #onAnswers(frames: readonly Frame[]): void {
    for (const { type, id } of frames) {
      if (id === this.#version && !this.#isOffered) this.#offers.isVersion1 = true;
      if (id === this.#version && type !== OK) this.#isOffered = false; // a refusal is an answer
      if (id !== this.#describe || type !== OK) continue;
      this.#isOver = true;
      this.#offers.hasDescribed = true;
      this.#offers.unanswered = 0;
    }
  }

  #onEnd(): void {
    if (this.#isOffered && !this.#isOver) this.#offers.unanswered += 1;
    this.#isOver = true;
  }
}
