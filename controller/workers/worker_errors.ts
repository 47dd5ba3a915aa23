/** Errors that end a connection with a worker and determine what happens next. */

import { PayloadTooLargeError, ProtocolError, TruncatedFrameError } from "../../protocol/mod.ts";
import type { WorkerHistory } from "./worker_history.ts";

/** The worker cannot be used: it breaks the protocol, cannot load the core, or is excluded. */
export class UnusableWorkerError extends Error {
  override name = "UnusableWorkerError";
}

/** The worker does not speak the offered version. It may speak another one. */
export class VersionRefusedError extends UnusableWorkerError {
  override name = "VersionRefusedError";
}

/** The worker is about to leave, and takes no jobs. */
export class LeavingError extends Error {
  override name = "LeavingError";

  constructor() {
    super("it is draining");
  }
}

/** Connect again at once: the worker may speak a newer version than the one it agreed on. */
export class RenegotiateError extends Error {
  override name = "RenegotiateError";

  constructor() {
    super("it may speak a newer version of the protocol");
  }
}

/** Whether the peer does not speak the protocol. A frame that is cut off only means that the worker died. */
export function isForeign(reason: Error | undefined): reason is ProtocolError {
  return reason instanceof ProtocolError && !(reason instanceof TruncatedFrameError);
}

/** The error for such a peer. */
export function unusable(error: ProtocolError): UnusableWorkerError {
  if (isFromWebServer(error)) {
    return new UnusableWorkerError(
      "it does not speak the worker protocol: a web server answers there, such as the page of --web; " +
        'name the address that the worker prints behind "listening on"',
      { cause: error },
    );
  }
  return new UnusableWorkerError(`it does not speak the worker protocol (${error.message})`, {
    cause: error,
  });
}

/**
 * A worker had loaded the core, and answers that it cannot run jobs with it. Its files may be gone: it connects again,
 * and gets them. One that answers nothing else cannot be used.
 */
export function coreLost(
  { history, answers }: { readonly history: WorkerHistory; readonly answers: number },
  reason: string,
): Error {
  if (history.onCoreLost(answers)) return new UnusableWorkerError(reason);
  return new Error(`it can no longer run the core: ${reason}`);
}

/** What a web server answers: its first letter is taken for the type of a frame, and the next ones for its id. */
const HTTP_IDS = ["TTP/1.0 ", "TTP/1.1 "].map(asUint64);

function isFromWebServer(error: ProtocolError): boolean {
  return error instanceof PayloadTooLargeError && HTTP_IDS.includes(BigInt(error.id));
}

/** Eight letters as the number that they are in a frame. */
function asUint64(letters: string): bigint {
  const bytes = new TextEncoder().encode(letters);
  return new DataView(bytes.buffer).getBigUint64(0, true);
}
