/** Asks a worker what it is doing, on a connection of its own: `distcomp status HOST`. */

import { Link } from "../../link/link.ts";
import {
  decodeState,
  decodeVersionResponse,
  encodeStateQuestion,
  encodeVersion,
  type Frame,
  ResponseType,
  STATE_BYTES_MAX,
} from "../../protocol/mod.ts";
import { toError } from "../../runtime/error_text.ts";
import type { Address, Runtime } from "../../runtime/ports.ts";
import { HANDSHAKE_MS_MAX } from "./connection_limits.ts";
import { errorTextOf, isError } from "./responses.ts";
import { isForeign, unusable } from "./worker_errors.ts";

/** How long a worker is dialed. */
const DIAL_MS = 5_000;

/** In front of the text. */
const LENGTH_BYTES = 8;

const VERSION = 2;
const VERSION_ID = 1;
const STATE_ID = 2;

/** The state of a worker as JSON. Rejects with the reason if it cannot be had. */
export async function askWorker(
  runtime: Pick<Runtime, "dial" | "clock">,
  address: Address,
): Promise<string> {
  const { clock } = runtime;
  const stream = await runtime.dial(address, DIAL_MS);
  const answer = Promise.withResolvers<string>();
  const fail = (error: Error) => answer.reject(error);
  let hasAgreed = false;
  const link = new Link(stream, {
    onFrame: (frame) => {
      try {
        if (frame.id === VERSION_ID && !hasAgreed) {
          checkVersion(frame);
          hasAgreed = true;
          link.writer.whole(encodeStateQuestion(STATE_ID));
        } else if (frame.id === STATE_ID) answer.resolve(stateIn(frame));
      } catch (error) {
        fail(toError(error));
      }
    },
    onBroken: (error) => fail(unusable(error)),
    onClosed: (reason) => {
      fail(isForeign(reason) ? unusable(reason) : reason ?? closedError(hasAgreed));
    },
  }, { clock, payloadBytesMax: LENGTH_BYTES + STATE_BYTES_MAX });
  const late = new Error(`it has not answered within ${HANDSHAKE_MS_MAX / 1000}s`);
  const timer = clock.after(HANDSHAKE_MS_MAX, () => fail(late));
  try {
    link.start();
    link.writer.whole(encodeVersion(VERSION_ID, VERSION));
    return await answer.promise;
  } finally {
    timer.stop();
    link.close();
  }
}

function checkVersion(frame: Frame): void {
  if (isError(frame)) throw new Error(`it refused: ${errorTextOf(frame)}`);
  if (!decodeVersionResponse(frame.payload)) throw version1Error();
}

function stateIn(frame: Frame): string {
  if (frame.type === ResponseType.ok) return decodeState(frame.payload);
  throw new Error(`it is of an older version, which does not say what it is doing`);
}

/** According to version 1, a worker refuses version 2 with an answer, but some just close the connection. */
function closedError(hasAgreed: boolean): Error {
  return new Error(
    hasAgreed
      ? "it has closed the connection"
      : "it has closed the connection without an answer; it is not a worker, or speaks version 1 of " +
        "the protocol, which cannot be asked",
  );
}

function version1Error(): Error {
  return new Error("it speaks only version 1 of the protocol, which cannot be asked for its state");
}
