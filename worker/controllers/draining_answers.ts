/**
 * A connection that comes while the worker drains: it may ask what the worker is doing, and gets no job done. Whoever
 * brings jobs is told at once that the worker is about to leave.
 */

import { Link } from "../../link/link.ts";
import {
  decodeMessage,
  decodeMessage2,
  encodeDraining,
  encodeVersionResponse,
  type Frame,
  type Message2,
  type Uint64,
} from "../../protocol/mod.ts";
import { toError } from "../../runtime/error_text.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { ByteStream } from "../../runtime/ports.ts";

/** A question is one short message, and so is what comes before it. */
const PAYLOAD_BYTES_MAX = 1024;

/** Whoever asks does so at once. */
const OPEN_MS_MAX = 10_000;

/** Only this version has a question, and a notice that the worker drains. */
const VERSION = 2;

/** What answers are made of. */
export interface DrainingParts {
  readonly clock: Clock;
  /** The answer to a "state" as a whole frame. */
  state(id: Uint64, asker: string): Uint8Array<ArrayBuffer>;
}

/** Serves such a connection until it is closed. */
export async function answerWhileDraining(
  { clock, state }: DrainingParts,
  stream: ByteStream,
): Promise<void> {
  const closed = Promise.withResolvers<void>();
  let version: 1 | typeof VERSION = 1;
  const onMessage = (message: Message2) => {
    if (message.type === "version" && message.version === VERSION) {
      version = VERSION;
      link.writer.whole(encodeVersionResponse(message.id, true));
      link.writer.whole(encodeDraining());
    } else if (message.type === "state" && version === VERSION) {
      link.writer.whole(state(message.id, link.peer));
    } else {
      link.close(); // as a worker that has ended
    }
  };
  const link: Link = new Link(stream, {
    onFrame: (frame: Frame) => {
      try {
        onMessage(version === 1 ? decodeMessage(frame) : decodeMessage2(frame));
      } catch (error) {
        link.close(toError(error));
      }
    },
    onBroken: (error) => link.close(error),
    onClosed: () => closed.resolve(),
  }, { clock, payloadBytesMax: PAYLOAD_BYTES_MAX });
  const timer = clock.after(OPEN_MS_MAX, () => link.close());
  link.start();
  await closed.promise;
  timer.stop();
}
