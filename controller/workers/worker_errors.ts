/** Errors that end a connection with a worker and determine what happens next. */

import { ProtocolError, TruncatedFrameError } from "../../protocol/mod.ts";

/** The worker cannot be used: it breaks the protocol, cannot load the core, or is excluded. */
export class UnusableWorkerError extends Error {
  override name = "UnusableWorkerError";
}

/** The worker does not speak the offered version. It may speak another one. */
export class VersionRefusedError extends UnusableWorkerError {
  override name = "VersionRefusedError";
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
  return new UnusableWorkerError(`it does not speak the worker protocol (${error.message})`, {
    cause: error,
  });
}
