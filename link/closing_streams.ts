/** Closes connections that are too many, and tells the other ends why. */

import { encodeRefusal, laterReason } from "../protocol/mod.ts";
import type { Clock } from "../runtime/clock.ts";
import type { ByteStream } from "../runtime/ports.ts";

/** Connections that stay open for this at a time. If more come, they are closed without a word. */
export const CLOSING_STREAMS_MAX = 16;

/** How long the other end gets to read the reason. If we closed at once, it might lose it. */
const READING_MS_MAX = 1_000;

/** How much is read at once, and discarded. */
const READ_BYTES = 4 * 1024;

/** Closes connections, and gives a few of them the reason. */
export class ClosingStreams {
  readonly #clock: Clock;
  #open = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Closes a connection that is one too many now. */
  close(stream: ByteStream, reason: string): void {
    if (this.#open >= CLOSING_STREAMS_MAX) return stream.close();
    this.#open += 1;
    void this.#tell(stream, reason).then(() => this.#open -= 1);
  }

  async #tell(stream: ByteStream, reason: string): Promise<void> {
    const timer = this.#clock.after(READING_MS_MAX, () => stream.close());
    try {
      await stream.write(encodeRefusal(laterReason(reason)));
      await stream.endWrites();
      // Closing with unread bytes would make the system discard ours.
      const discarded = new Uint8Array(READ_BYTES);
      while (await stream.read(discarded) !== null);
    } catch {
      // It has closed first, or did not read in time.
    } finally {
      timer.stop();
      stream.close();
    }
  }
}
