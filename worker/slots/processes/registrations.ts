/**
 * Connections to the socket of the slots that have not said which slot they are. A core can connect there too, so
 * they are few, and do not last.
 */

import { FrameDecoder, type Uint64 } from "../../../protocol/mod.ts";
import type { Clock } from "../../../runtime/clock.ts";
import type { ByteStream } from "../../../runtime/ports.ts";
import { SLOT_REGISTER } from "../../../slot/protocol.ts";

/** A slot registers at once, within milliseconds; this is for a loaded machine. */
const LIMIT_MS = 10_000;

/**
 * More slots than this hardly ever start at once. Beyond it the oldest connection is closed, which is probably no
 * slot's.
 */
const WAITING_MAX = 512;

/** The connections of one worker. */
export class Registrations {
  readonly #clock: Clock;
  readonly #onRegistered: (ticket: Uint64, stream: ByteStream) => boolean;
  /** In the order in which they came. */
  readonly #waiting = new Set<ByteStream>();

  /** `onRegistered`: gives the connection to the slot with the ticket. Returns whether there is one. */
  constructor(clock: Clock, onRegistered: (ticket: Uint64, stream: ByteStream) => boolean) {
    this.#clock = clock;
    this.#onRegistered = onRegistered;
  }

  /** A connection was made. It is closed unless it registers in time. */
  onConnected(stream: ByteStream): void {
    const [oldest] = this.#waiting;
    if (oldest && this.#waiting.size >= WAITING_MAX) this.#close(oldest);
    this.#waiting.add(stream);
    const timer = this.#clock.after(LIMIT_MS, () => this.#close(stream));
    // It is not a slot, or its slot has ended. Who waits for a slot is told that it has not connected.
    void this.#register(stream).catch(() => stream.close()).finally(() => {
      timer.stop();
      this.#waiting.delete(stream);
    });
  }

  close(): void {
    for (const stream of this.#waiting) this.#close(stream);
  }

  #close(stream: ByteStream): void {
    this.#waiting.delete(stream);
    stream.close();
  }

  /** Reads only the first frame. */
  async #register(stream: ByteStream): Promise<void> {
    const decoder = new FrameDecoder({ payloadBytesMax: 0 });
    for (;;) {
      const bytes = await stream.read(decoder.space());
      if (bytes === null) throw new Error("The slot closed its connection before it registered");
      decoder.commit(bytes);
      const frame = decoder.next();
      if (!frame) continue;
      if (frame.type !== SLOT_REGISTER || !this.#onRegistered(frame.id, stream)) {
        throw new Error("No slot with this ticket is starting");
      }
      return;
    }
  }
}
