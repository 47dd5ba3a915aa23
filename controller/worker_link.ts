/** One worker, as its controller sees it: the conversation on one connection. */

import { Link } from "../link/link.ts";
import type { CoreKey, DispatchId } from "../pool/types.ts";
import {
  decodeCoreResponse,
  decodeError,
  decodeJobResponse,
  decodeVersionResponse,
  encodeCore,
  encodeVersion,
  type Frame,
  type JobResult,
  PROTOCOL_VERSION,
  ProtocolError,
  ResponseType,
  TruncatedFrameError,
  UnknownTypeError,
} from "../protocol/mod.ts";
import type { ByteStream } from "../runtime/ports.ts";
import type { CoreImage } from "./core_image.ts";

/** A worker that speaks our protocol answers the version exchange at once. */
export const VERSION_LIMIT_MS = 10_000;

/** A worker may need its time to load a core (see `CORE_LOAD_LIMIT_MS` there), and the network to carry it. */
export const CORE_LIMIT_MS = 180_000;

/** Jobs have dispatch ids, from 1 on; the other messages count from here. */
const CONTROL_ID_FIRST = 2 ** 52;

/** How a job went on a worker. */
export type Answer =
  | { readonly kind: "result"; readonly result: JobResult }
  | { readonly kind: "error"; readonly message: string };

/** The other end is no worker that we can use, now or later. */
export class UnusableWorkerError extends Error {
  override name = "UnusableWorkerError";
}

/** What the link's owner hears. */
export interface WorkerLinkEvents {
  /** The worker speaks our version. */
  onReady(): void;
  onLoaded(core: CoreKey): void;
  onLoadFailed(core: CoreKey, reason: string): void;
  /** An answer to a job. Throws a `ProtocolError` if there is no such job. */
  onAnswer(dispatch: DispatchId, answer: Answer): void;
  onClosed(reason: Error | undefined): void;
}

type Expected = { readonly kind: "version" } | { readonly kind: "core"; readonly key: CoreKey };

/** A connection with a worker. */
export class WorkerLink {
  readonly #link: Link;
  readonly #events: WorkerLinkEvents;
  /** Messages that are no jobs and not answered yet. */
  readonly #expected = new Map<number, Expected>();
  #lastControlId = CONTROL_ID_FIRST;
  readonly #versionLimitMs: number;
  #limit: ReturnType<typeof setTimeout> | undefined;

  constructor(stream: ByteStream, events: WorkerLinkEvents, versionLimitMs = VERSION_LIMIT_MS) {
    this.#events = events;
    this.#versionLimitMs = versionLimitMs;
    this.#link = new Link(stream, {
      onFrame: (frame) => this.#onFrame(frame),
      // At once: there is nothing to say to such a peer, and no more jobs may go to it meanwhile.
      onBroken: (error) => this.#link.close(error),
      onClosed: (reason) => {
        clearTimeout(this.#limit);
        events.onClosed(isForeign(reason) ? unusable(reason) : reason);
      },
    });
  }

  /** Says hello. `onReady` or `onClosed` follows. */
  start(): void {
    this.#link.start();
    const id = this.#expect({ kind: "version" });
    this.#link.writer.whole(encodeVersion(id, PROTOCOL_VERSION));
    // It may be busy with another controller, one at a time, and free when it is asked again.
    const limitMs = this.#versionLimitMs;
    this.#limitAnswer(
      limitMs,
      new Error(`it did not answer the version exchange ${within(limitMs)}`),
    );
  }

  /** Sends a core. `onLoaded` or `onLoadFailed` follows. */
  loadCore(core: CoreImage): void {
    const id = this.#expect({ kind: "core", key: core.key });
    this.#link.writer.whole(encodeCore(id, core.name, core.content));
    const problem = `it did not say whether the compute core is loaded ${within(CORE_LIMIT_MS)}`;
    this.#limitAnswer(CORE_LIMIT_MS, new UnusableWorkerError(problem));
  }

  /** Sends a job. `onAnswer` follows. */
  sendJob(dispatch: DispatchId, job: number, input: Uint8Array<ArrayBuffer>): void {
    this.#link.writer.job(dispatch, job, input);
  }

  /** Stops taking answers, so that the worker has to wait, or goes on. */
  pause(isPaused: boolean): void {
    this.#link.pause(isPaused);
  }

  close(reason?: Error): void {
    this.#link.close(reason);
  }

  #expect(expected: Expected): number {
    this.#lastControlId += 1;
    this.#expected.set(this.#lastControlId, expected);
    return this.#lastControlId;
  }

  #limitAnswer(limitMs: number, error: Error): void {
    clearTimeout(this.#limit);
    this.#limit = setTimeout(() => this.#link.close(error), limitMs);
  }

  #onFrame(frame: Frame): void {
    if (frame.type !== ResponseType.ok && frame.type !== ResponseType.error) {
      throw new UnknownTypeError("response", frame.type);
    }
    if (typeof frame.id === "bigint") throw neverSent(frame);
    if (frame.id < CONTROL_ID_FIRST) {
      this.#events.onAnswer(frame.id as DispatchId, answerOf(frame));
      return;
    }
    const expected = this.#expected.get(frame.id);
    if (!expected) throw neverSent(frame);
    this.#expected.delete(frame.id);
    clearTimeout(this.#limit);
    if (expected.kind === "version") this.#onVersion(frame);
    else this.#onCore(expected.key, frame);
  }

  #onVersion(frame: Frame): void {
    if (frame.type === ResponseType.error) {
      this.#link.close(
        new UnusableWorkerError(`it refused the version exchange: ${textOf(frame)}`),
      );
    } else if (decodeVersionResponse(frame.payload)) {
      this.#events.onReady();
    } else {
      const version = `protocol version ${PROTOCOL_VERSION}`;
      this.#link.close(new UnusableWorkerError(`it does not speak ${version}`));
    }
  }

  #onCore(key: CoreKey, frame: Frame): void {
    if (frame.type === ResponseType.error) {
      this.#events.onLoadFailed(key, textOf(frame));
      return;
    }
    decodeCoreResponse(frame.payload);
    this.#events.onLoaded(key);
  }
}

function within(limitMs: number): string {
  return `within ${limitMs / 1000} s`;
}

function answerOf(frame: Frame): Answer {
  return frame.type === ResponseType.ok
    ? { kind: "result", result: decodeJobResponse(frame.payload) }
    : { kind: "error", message: textOf(frame) };
}

/** An error text as one printable line: it comes from another machine and goes to a terminal. */
function textOf(frame: Frame): string {
  // deno-lint-ignore no-control-regex -- control characters are what this removes
  const text = decodeError(frame.payload).replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
  return text === "" ? "(no reason given)" : text;
}

/** The error for an answer to nothing. */
export function neverSent(frame: { readonly id: number | bigint }): ProtocolError {
  return new ProtocolError(`it answers message ${frame.id}, which is not out`);
}

/** A worker that dies in the middle of an answer did speak the protocol. */
function isForeign(reason: Error | undefined): reason is ProtocolError {
  return reason instanceof ProtocolError && !(reason instanceof TruncatedFrameError);
}

function unusable(error: ProtocolError): UnusableWorkerError {
  return new UnusableWorkerError(`it does not speak the worker protocol (${error.message})`, {
    cause: error,
  });
}
