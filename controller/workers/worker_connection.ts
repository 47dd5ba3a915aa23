/** One worker, as its controller sees it: the conversation on one connection. */

import { Link } from "../../link/link.ts";
import { Silence } from "../../link/silence.ts";
import type { CoreKey, DispatchId } from "../../pool/types.ts";
import {
  decodeChooseResponse,
  decodeCoreResponse,
  decodeDescription,
  decodeError,
  decodeJobResponse,
  decodeKindError,
  decodeNothing,
  decodeVersionResponse,
  decodeWorkerLoad,
  encodeCancel,
  encodeChoose,
  encodeDescribe,
  encodePing,
  encodeVersion,
  type FailureKindName,
  type Frame,
  type JobLimits,
  PING_MS,
  ProtocolError,
  ResponseType,
  TruncatedFrameError,
  UnknownTypeError,
  WORKER_SILENT_MS_MAX,
  type WorkerDescription,
} from "../../protocol/mod.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import type { Answer } from "../answer.ts";
import type { CoreImage } from "./core_image.ts";

/** A worker that speaks our protocol answers the version exchange at once. */
export const VERSION_LIMIT_MS = 10_000;

/** A worker may need its time to load a core (see `CORE_LOAD_LIMIT_MS` there), and the network to carry it. */
const CORE_LIMIT_MS = 180_000;

/** What two systems and the network between them may hold of what was sent, and how slow a link may be. */
const BUFFERED_BYTES_MAX = 8 * 1024 * 1024;
const SLOWEST_BYTES_PER_MS = 100;

/** A worker gets so many pings before it is given up: the last may be late, or its answer. */
const PINGS_MIN = 4;

/** Jobs have dispatch ids, from 1 on; the other messages count from here. */
const CONTROL_ID_FIRST = 2 ** 52;

/** The other end is no worker that we can use, now or later. */
export class UnusableWorkerError extends Error {
  override name = "UnusableWorkerError";
}

/** The worker does not speak the version that it was offered. It may speak an older one. */
export class VersionRefusedError extends UnusableWorkerError {
  override name = "VersionRefusedError";

  constructor(message: string, readonly version: number) {
    super(message);
  }
}

/** What the link's owner hears. */
export interface WorkerConnectionEvents {
  /** The worker speaks the version that it was offered, and has described itself if that can. */
  onReady(description: WorkerDescription | undefined): void;
  onLoaded(core: CoreKey): void;
  onLoadFailed(core: CoreKey, reason: string): void;
  /** An answer to a job. Throws a `ProtocolError` if there is no such job. */
  onAnswer(dispatch: DispatchId, answer: Answer): void;
  /** The worker is about to leave: it starts nothing more. */
  onDraining(): void;
  onClosed(reason: Error | undefined): void;
}

/** How the worker is talked to. */
export interface WorkerConnectionOptions {
  readonly clock: Clock;
  /** The version to offer. */
  readonly version: number;
  readonly versionLimitMs?: number;
  readonly silentMsMax?: number;
}

/** Messages that are no jobs, by what has to be done with the answer. */
type OnResponse = (frame: Frame) => void;

/** A connection with a worker. */
export class WorkerConnection {
  readonly #link: Link;
  readonly #events: WorkerConnectionEvents;
  readonly #options: WorkerConnectionOptions;
  readonly #silence = new Silence();
  /** Messages that are no jobs and not answered yet. */
  readonly #expected = new Map<number, OnResponse>();
  #lastControlId = CONTROL_ID_FIRST;
  #limit: ReturnType<typeof setTimeout> | undefined;
  #saidAtMs = performance.now();
  #isPaused = false;
  #isAgreed = false;

  constructor(
    stream: ByteStream,
    events: WorkerConnectionEvents,
    options: WorkerConnectionOptions,
  ) {
    this.#events = events;
    this.#options = options;
    this.#link = new Link(stream, {
      onFrame: (frame) => this.#onFrame(frame),
      // At once: there is nothing to say to such a peer, and no more jobs may go to it meanwhile.
      onBroken: (error) => this.#link.close(error),
      onClosed: (reason) => {
        clearTimeout(this.#limit);
        events.onClosed(isForeign(reason) ? unusable(reason) : reason);
      },
    }, { clock: options.clock });
  }

  /** The version that this connection speaks, or hopes to. */
  get version(): number {
    return this.#options.version;
  }

  /** The worker has said that it speaks the version. */
  get isAgreed(): boolean {
    return this.#isAgreed;
  }

  /** Says hello. `onReady` or `onClosed` follows. */
  start(): void {
    this.#link.start();
    this.#say(encodeVersion(this.#expect((frame) => this.#onVersion(frame)), this.version));
    // It may be busy with another controller, one at a time, and free when it is asked again.
    this.#limitGreeting("answer the version exchange");
  }

  /** Has the worker load a core. `onLoaded` or `onLoadFailed` follows. */
  loadCore(core: CoreImage): void {
    if (this.version > 1) {
      const id = this.#expect((frame) => this.#onChosen(core, frame));
      this.#say(encodeChoose(id, core.key, core.name));
    } else this.#sendCore(core);
    // The core may be on a slow way for long.
    const limitMs = CORE_LIMIT_MS + core.content.byteLength / SLOWEST_BYTES_PER_MS;
    const problem = `it did not say whether the compute core is loaded ${within(limitMs)}`;
    this.#limitAnswer(limitMs, new Error(problem));
  }

  /** Sends a job. `onAnswer` follows. Version 1 has no words for the attempt and the limits. */
  sendJob(
    dispatch: DispatchId,
    attempt: number,
    limits: JobLimits,
    job: number,
    input: Uint8Array<ArrayBuffer>,
  ): void {
    const isLimited = limits.timeMs > 0 || limits.memoryBytes > 0;
    if (this.version > 1 && (isLimited || attempt > 1)) {
      this.#link.writer.limitedJob(dispatch, attempt, limits, job, input);
    } else this.#link.writer.job(dispatch, job, input);
  }

  /** Takes a job back, where the version allows it. Its answer follows all the same. */
  cancel(dispatch: DispatchId): void {
    if (this.version === 1) return;
    const id = this.#expect((frame) => decodeNothing(payloadOf(frame)));
    this.#say(encodeCancel(id, dispatch));
  }

  /** Pings when it is time, and gives the worker up when it has been silent for too long. */
  look(nowMs: number): void {
    if (this.version === 1 || !this.#isAgreed) return;
    const silentMs = this.#silence.look(this.#link.signsOfLife, !this.#isPaused, nowMs);
    const limitMs = this.#options.silentMsMax ?? WORKER_SILENT_MS_MAX;
    // Before a ping arrives, what was sent before it has to.
    const onTheWayMs = Math.min(this.#link.unacknowledgedBytes, BUFFERED_BYTES_MAX) /
      SLOWEST_BYTES_PER_MS;
    if (silentMs >= limitMs + onTheWayMs) {
      this.#link.close(
        new Error(`it has given no sign of life for ${Math.round(silentMs / 1000)} s`),
      );
    } else if (nowMs - this.#saidAtMs >= Math.min(PING_MS, limitMs / PINGS_MIN)) {
      this.#say(encodePing(this.#expect((frame) => void decodeWorkerLoad(payloadOf(frame)))));
    }
  }

  /** Stops taking answers, so that the worker has to wait, or goes on. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#link.pause(isPaused);
  }

  close(reason?: Error): void {
    this.#link.close(reason);
  }

  #say(message: Uint8Array<ArrayBuffer>): void {
    this.#saidAtMs = performance.now();
    this.#link.writer.whole(message);
  }

  #expect(onResponse: OnResponse): number {
    this.#lastControlId += 1;
    this.#expected.set(this.#lastControlId, onResponse);
    return this.#lastControlId;
  }

  #limitGreeting(what: string): void {
    const limitMs = this.#options.versionLimitMs ?? VERSION_LIMIT_MS;
    this.#limitAnswer(limitMs, new Error(`it did not ${what} ${within(limitMs)}`));
  }

  #limitAnswer(limitMs: number, error: Error): void {
    clearTimeout(this.#limit);
    this.#limit = setTimeout(() => this.#link.close(error), limitMs);
  }

  #onFrame(frame: Frame): void {
    if (!this.#isResponse(frame.type)) {
      throw new UnknownTypeError("response", frame.type, this.version);
    }
    if (typeof frame.id === "bigint") throw neverSent(frame);
    if (frame.type === ResponseType.draining) return this.#onDraining(frame);
    if (frame.id < CONTROL_ID_FIRST) {
      this.#events.onAnswer(frame.id as DispatchId, answerOf(frame));
      return;
    }
    const onResponse = this.#expected.get(frame.id);
    if (!onResponse) throw neverSent(frame);
    this.#expected.delete(frame.id);
    onResponse(frame);
  }

  #onDraining({ id, payload }: Frame): void {
    decodeNothing(payload);
    if (id !== 0) throw new ProtocolError(`it says under the id ${id} that it leaves`);
    this.#events.onDraining();
  }

  #isResponse(type: number): boolean {
    if (type === ResponseType.ok || type === ResponseType.error) return true;
    if (this.version === 1) return false;
    return type === ResponseType.kindError || type === ResponseType.draining;
  }

  #onVersion(frame: Frame): void {
    clearTimeout(this.#limit);
    if (isError(frame)) {
      const problem = `it refused the version exchange: ${textOf(frame)}`;
      return this.#link.close(new VersionRefusedError(problem, this.version));
    }
    if (!decodeVersionResponse(frame.payload)) {
      const problem = `it does not speak protocol version ${this.version}`;
      return this.#link.close(new VersionRefusedError(problem, this.version));
    }
    this.#isAgreed = true;
    if (this.version === 1) return this.#events.onReady(undefined);
    this.#say(encodeDescribe(this.#expect((answer) => this.#onDescription(answer))));
    this.#limitGreeting("describe itself");
  }

  #onDescription(frame: Frame): void {
    clearTimeout(this.#limit);
    this.#events.onReady(decodeDescription(payloadOf(frame)));
  }

  #onChosen(core: CoreImage, frame: Frame): void {
    if (!isError(frame) && !decodeChooseResponse(frame.payload)) return this.#sendCore(core);
    this.#onCore(core, frame, (payload) => void decodeChooseResponse(payload));
  }

  #sendCore(core: CoreImage): void {
    const id = this.#expect((frame) => this.#onCore(core, frame, decodeCoreResponse));
    this.#saidAtMs = performance.now();
    this.#link.writer.core(id, core.name, core.content);
  }

  #onCore(core: CoreImage, frame: Frame, check: (payload: Uint8Array<ArrayBuffer>) => void): void {
    clearTimeout(this.#limit);
    if (isError(frame)) return this.#events.onLoadFailed(core.key, textOf(frame));
    check(frame.payload);
    this.#events.onLoaded(core.key);
  }
}

function within(limitMs: number): string {
  return `within ${Math.round(limitMs / 100) / 10} s`;
}

function isError({ type }: Frame): boolean {
  return type === ResponseType.error || type === ResponseType.kindError;
}

/** The payload of a response that should be a success. Who cannot answer this does not speak the version. */
function payloadOf(frame: Frame): Uint8Array<ArrayBuffer> {
  if (isError(frame)) throw new ProtocolError(`it answers with an error: ${textOf(frame)}`);
  return frame.payload;
}

function answerOf(frame: Frame): Answer {
  if (frame.type === ResponseType.ok) {
    return { kind: "result", result: decodeJobResponse(frame.payload) };
  }
  return { kind: "error", cause: causeOf(frame), message: textOf(frame) };
}

function causeOf(frame: Frame): FailureKindName {
  return frame.type === ResponseType.kindError ? decodeKindError(frame.payload).kind : "other";
}

/** An error text as one printable line: it comes from another machine and goes to a terminal. */
function textOf({ type, payload }: Frame): string {
  const raw = type === ResponseType.kindError
    ? decodeKindError(payload).text
    : decodeError(payload);
  // deno-lint-ignore no-control-regex -- control characters are what this removes
  const text = raw.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
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
