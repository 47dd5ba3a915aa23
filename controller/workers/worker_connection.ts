/** The protocol with one worker on one connection: version, description, core, jobs, heartbeat. */

import { Link } from "../../link/link.ts";
import type { ReadRounds } from "../../link/read_rounds.ts";
import { UnfinishedMessages } from "../../link/unfinished_messages.ts";
import type { DispatchId } from "../../pool/types.ts";
import {
  type BlobSource,
  decodeCoreResponse,
  decodeDescription,
  decodeNothing,
  decodePrinted,
  decodeWorkerLoad,
  encodeCancel,
  encodeDescribe,
  encodePing,
  encodeVersion,
  type Frame,
  type JobLimits,
  type PrintedNotice,
  ProtocolError,
  ResponseType,
  type WorkerDescription,
  type WorkerLoad,
} from "../../protocol/mod.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import { ControlMessages, wishesOf } from "./control_messages.ts";
import type { CoreImage } from "./core_image.ts";
import { CoreTransfer } from "./core_transfer.ts";
import { WorkerCompression } from "./worker_compression.ts";
import { deliversAnswer } from "./decoded_answer.ts";
import { PrintedBounds } from "./printed_bounds.ts";
import { placesFor } from "./huge_answers.ts";
import { Heartbeat, SLOWEST_LINK_BYTES_PER_MS } from "./heartbeat.ts";
import {
  answerOf,
  checked,
  errorTextOf,
  isError,
  payloadOf,
  unexpectedResponse,
  versionProblem,
} from "./responses.ts";
import { CORE_LOAD_EXTRA_MS, HANDSHAKE_MS_MAX, LOADING_PING_MS } from "./connection_limits.ts";
import { CONTROL_ID_FIRST } from "./message_ids.ts";
import type { OnResponse, Phase, Service, WorkerConnectionEvents } from "./connection_events.ts";
import { isForeign, unusable, VersionRefusedError } from "./worker_errors.ts";

/** A connection with a worker. */
export class WorkerConnection {
  readonly #link: Link;
  readonly #events: WorkerConnectionEvents;
  readonly #clock: Clock;
  readonly #heartbeat: Heartbeat;
  readonly #messages = new ControlMessages();
  #phase: Phase = { kind: "version exchange" };
  #responseTimer: Timer | undefined;
  #load: WorkerLoad | undefined;
  #awaitsCore = false;
  #transfer: CoreTransfer | undefined;
  #pingedAtMs = 0;
  #isPaused = false;
  #isHeld = false;
  readonly #printed: PrintedBounds;
  readonly #compression: WorkerCompression;
  readonly #unfinished: UnfinishedMessages;

  constructor(
    stream: ByteStream,
    clock: Clock,
    /** The version to offer. */
    readonly version: number,
    events: WorkerConnectionEvents,
    rounds?: ReadRounds,
  ) {
    this.#events = events;
    this.#clock = clock;
    this.#heartbeat = new Heartbeat(clock.now());
    this.#printed = new PrintedBounds(clock);
    this.#link = new Link(stream, {
      onFrame: (frame) => this.#onFrame(frame),
      onSpan: (span) => deliversAnswer(span, this.version, this.#phase, this.#printed),
      onArriving: (payload) => events.onArriving(payload),
      // Close at once: this peer would not understand an error message, and must not get more jobs.
      onBroken: (error) => this.#link.close(error),
      onClosed: (reason) => {
        this.#onCoreEnd();
        events.onClosed(isForeign(reason) ? unusable(reason) : reason);
      },
    }, { clock, rounds, references: events.references, ...placesFor(events, () => this.#phase) });
    this.#compression = new WorkerCompression(this.#link, (...what) => this.#request(...what));
    this.#unfinished = new UnfinishedMessages(this.#link);
  }

  /** The offer of the version has left this process. */
  get hasOffered(): boolean {
    return this.#link.hasWritten;
  }

  /** The worker has accepted the version, and has described itself if that has a message for it. */
  get isIntroduced(): boolean {
    return this.#phase.kind !== "version exchange" && this.#phase.kind !== "description";
  }

  /** Offers the version. `onIntroduced` or `onClosed` follows. */
  start(): void {
    this.#link.start();
    this.#request((id) => encodeVersion(id, this.version), (frame) => this.#onVersion(frame));
    const late = "it did not answer the version exchange";
    this.#expectWithin(HANDSHAKE_MS_MAX, (time) => this.#link.close(new Error(`${late} ${time}`)));
  }

  /** Starts using the worker. */
  serve(service: Service): void {
    this.#phase = { kind: "serving", ...service };
    if (this.version === 1) return;
    this.#compression.start(service.compression);
    for (const wish of wishesOf(service)) this.#request(wish, () => {});
  }

  /** How busy the worker was when it answered the last ping. */
  get load(): WorkerLoad | undefined {
    return this.#load;
  }

  /** Makes the worker load a core, which may take `initMs` there. `onCoreLoaded` or `onCoreFailed` follows. */
  loadCore(core: CoreImage, initMs: number): void {
    this.#awaitsCore = true;
    this.#pingedAtMs = this.#clock.now();
    const bytes = core.files.reduce((sum, file) => sum + file.bytes, core.content.byteLength);
    this.#expectWithin(
      initMs + CORE_LOAD_EXTRA_MS + bytes / SLOWEST_LINK_BYTES_PER_MS,
      (time) => this.#events.onCoreFailed(`it did not confirm the compute core ${time}`),
    );
    this.#transfer = this.#transferOf(core, initMs);
    this.#transfer.start(this.version);
  }

  /** Sends a job. Its answer follows. Version 1 has no fields for the attempt and the limits. */
  sendJob(
    dispatch: DispatchId,
    attempt: number,
    limits: JobLimits,
    job: number,
    input: Uint8Array<ArrayBuffer> | BlobSource,
  ): void {
    const isLimited = limits.timeMs > 0 || limits.memoryBytes > 0;
    if (this.version > 1 && (isLimited || attempt > 1)) {
      this.#link.writer.limitedJob(dispatch, attempt, limits, job, input);
    } else this.#link.writer.job(dispatch, job, input);
  }

  /** Cancels a job, if the protocol version supports it. The worker still answers the job. */
  cancel(dispatch: DispatchId): void {
    if (this.version === 1) return;
    this.#request((id) => encodeCancel(id, dispatch), (frame) => decodeNothing(payloadOf(frame)));
  }

  /** Pings when it is time, and closes when the worker is silent, or leaves an answer unfinished, for too long. */
  onTick(nowMs: number): void {
    const unfinished = this.#unfinished.poll(nowMs);
    if (unfinished !== undefined) return this.#link.close(new Error(unfinished));
    if (this.version === 1 || !this.isIntroduced) return;
    this.#compression.onTick(nowMs);
    const asks = this.#isLoading && nowMs - this.#pingedAtMs >= LOADING_PING_MS;
    const action = this.#heartbeat.check(this.#link, this.#link.reception.isListening, nowMs);
    if (action.kind === "give up") void this.#link.closeIfSilent(action.reason);
    else if (action.kind === "ping" || asks) this.ping();
  }

  /** Pings the worker to learn whether it is still there. `onAlive` follows, or the connection closes soon. */
  pingOrClose(onAlive: () => void): void {
    this.#heartbeat.onAsked(onAlive);
    this.ping();
  }

  /** Whether a slot of the worker loads a core, as far as is known: then its load is asked for more often. */
  get #isLoading(): boolean {
    return this.#awaitsCore || (this.#load?.slotsLoading ?? 0) > 0;
  }

  /** Asks how busy the worker is. Version 1 has no such message. */
  ping(onAnswered?: (roundTripMs: number) => void): void {
    const sentAtMs = this.#pingedAtMs = this.#clock.now();
    this.#request(encodePing, (frame) => {
      this.#load = decodeWorkerLoad(payloadOf(frame));
      this.#heartbeat.onAnswered();
      onAnswered?.(this.#clock.now() - sentAtMs);
    });
  }

  /** Pauses or resumes reading answers. While reading is paused, the worker has to wait. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#link.pause(isPaused || this.#isHeld);
  }

  /** Reads nothing until this ends: there is no memory for the answer that is arriving. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.pause(this.#isPaused);
  }

  /** Gives up the large answer that is arriving. */
  discardArriving(): void {
    this.#link.discardArriving();
  }

  /** Closes at once. `onClosed` follows with the reason. */
  close(reason?: Error): void {
    this.#link.close(reason);
  }

  /** Sends a message that is encoded with its id. Its response goes to `onResponse`. */
  #request(encode: (id: number) => Uint8Array<ArrayBuffer>, onResponse: OnResponse): void {
    this.#heartbeat.onSent(this.#clock.now());
    this.#link.writer.whole(encode(this.#messages.expect(onResponse)));
  }

  /** Calls `onLate` unless the response comes in time. `time` is the limit as text for a message. */
  #expectWithin(limitMs: number, onLate: (time: string) => void): void {
    this.#responseTimer?.stop();
    const time = `within ${Math.round(limitMs / 100) / 10}s`;
    this.#responseTimer = this.#clock.after(limitMs, () => onLate(time));
  }

  #onFrame(frame: Frame): void {
    const { type, id } = checked(frame, this.version);
    if (typeof id === "bigint") throw unexpectedResponse(id);
    if (type === ResponseType.draining) return this.#onDraining(frame);
    if (type === ResponseType.arrivalRate) return this.#compression.onArrivalRate(frame);
    if (type === ResponseType.printed) return this.#onPrinted(id, decodePrinted(frame.payload));
    if (id < CONTROL_ID_FIRST) {
      if (this.#phase.kind !== "serving") throw unexpectedResponse(id);
      return this.#phase.onAnswer(id as DispatchId, answerOf(frame, this.#printed.takeLast(id)));
    }
    this.#messages.take(id)(frame);
  }

  #onPrinted(id: number, notice: PrintedNotice): void {
    if (this.#phase.kind !== "serving") throw new ProtocolError("unexpected notice: no job runs");
    if (notice.isLast) return this.#printed.onLast(id, notice.lines);
    const bounded = this.#printed.bounded(notice);
    if (bounded) this.#phase.onPrinted(id === 0 ? undefined : id as DispatchId, bounded);
  }

  #onDraining({ id, payload }: Frame): void {
    decodeNothing(payload);
    if (id !== 0) throw new ProtocolError(`drain notice has id ${id}, expected 0`);
    this.#compression.onDraining();
    this.#events.onDraining();
  }

  #onVersion(frame: Frame): void {
    this.#responseTimer?.stop();
    const problem = versionProblem(frame, this.version);
    if (problem !== undefined) return this.#link.close(new VersionRefusedError(problem));
    if (this.version === 1) return this.#onIntroduced(undefined);
    this.#phase = { kind: "description" };
    this.#request(encodeDescribe, (answer) => this.#onDescription(answer));
    const late = "it did not describe itself";
    this.#expectWithin(HANDSHAKE_MS_MAX, (time) => this.#link.close(new Error(`${late} ${time}`)));
  }

  /** Some workers of version 1 accept every version. They do not know this message. */
  #onDescription(frame: Frame): void {
    this.#responseTimer?.stop();
    if (!isError(frame)) return this.#onIntroduced(decodeDescription(frame.payload));
    const problem = `it refused to describe itself: ${errorTextOf(frame)}`;
    this.#link.close(new VersionRefusedError(problem));
  }

  #onIntroduced(description: WorkerDescription | undefined): void {
    this.#compression.onIntroduced(description);
    this.#phase = { kind: "introduced" };
    this.#events.onIntroduced(description);
  }

  #transferOf(core: CoreImage, initMs: number): CoreTransfer {
    return new CoreTransfer(core, initMs, {
      request: (...what) => this.#request(...what),
      sendCore: () => this.#sendCore(core),
      onLoaded: () => this.#onCoreLoaded(),
      onFailed: (reason) => this.#onCoreFailed(reason),
      isClosed: () => this.#link.isClosed,
    });
  }

  #sendCore(core: CoreImage): void {
    const id = this.#messages.expect((frame) => this.#onCore(frame, decodeCoreResponse));
    this.#heartbeat.onSent(this.#clock.now());
    this.#link.writer.core(id, core.name, core.content);
  }

  #onCore(frame: Frame, check: (payload: Uint8Array<ArrayBuffer>) => void): void {
    if (isError(frame)) return this.#onCoreFailed(errorTextOf(frame));
    check(frame.payload);
    this.#onCoreLoaded();
  }

  #onCoreLoaded(): void {
    this.#onCoreEnd();
    this.#events.onCoreLoaded();
  }

  #onCoreFailed(reason: string): void {
    this.#onCoreEnd();
    this.#events.onCoreFailed(reason);
  }

  #onCoreEnd(): void {
    this.#awaitsCore = false;
    this.#responseTimer?.stop();
    this.#transfer?.close();
    this.#transfer = undefined;
  }
}
