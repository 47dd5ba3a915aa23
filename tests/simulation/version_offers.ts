/** Watches the connections of a run: which offers of version 2 each machine has left without an answer. */

import type { ByteStream } from "../../runtime/ports.ts";
import { DESCRIBE, type Frame, FrameReader, OK, VERSION, view } from "../fixtures/peers/frames.ts";

/** The offers to one machine, in one start of a run. */
export interface Offers {
  /** How many connections have ended without an answer to an offer of version 2, since a worker has described itself. */
  unanswered: number;
  /** Whether a worker of this machine has described itself, which only version 2 can. */
  hasDescribed: boolean;
  /** The version that was offered last. */
  version: number;
}

/** A run's end of a connection. It counts its offer, and passes everything on as it is. */
export class WatchedStream implements ByteStream {
  readonly peer: string;
  readonly #stream: ByteStream;
  readonly #offers: Offers;
  readonly #messages = new FrameReader();
  readonly #answers = new FrameReader();
  #isOffered = false;
  /** The message that asks the worker to describe itself. */
  #describe: bigint | undefined;
  /** Nothing that follows tells more. */
  #isOver = false;

  constructor(stream: ByteStream, offers: Offers) {
    this.peer = stream.peer;
    this.#stream = stream;
    this.#offers = offers;
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
      if (type === VERSION) this.#onOffer(view(payload).getUint32(0, true));
      if (type === DESCRIBE) this.#describe = id;
    }
  }

  #onOffer(version: number): void {
    this.#isOffered = version === 2;
    this.#offers.version = version;
  }

  #onAnswers(frames: readonly Frame[]): void {
    for (const { type, id } of frames) {
      this.#isOffered = false;
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
