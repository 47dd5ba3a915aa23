/** One controller, as its worker sees it: decodes what it says, and answers. */

import { Link } from "../link/link.ts";
import { Silence } from "../link/silence.ts";
import type { ClientId, CoreKey } from "../pool/types.ts";
import {
  checkJob,
  decodeError,
  decodeMessage,
  decodeMessage2,
  encodeChooseResponse,
  encodeCoreResponse,
  encodeDescription,
  encodeDone,
  encodeDraining,
  encodeError,
  encodeKindError,
  encodeVersionResponse,
  encodeWorkerLoad,
  type FailureKindName,
  type Frame,
  type JobLimits,
  LATEST_VERSION,
  type Message2,
  MessageType,
  NO_LIMITS,
  PayloadTooLargeError,
  ProtocolError,
  readLimitedJob,
  ResponseType,
  type Uint64,
  UNANSWERED_BYTES_MAX,
  UNANSWERED_JOBS_MAX,
  type WorkerDescription,
  type WorkerLoad,
} from "../protocol/mod.ts";
import type { ByteStream } from "../runtime/ports.ts";
import type { StoredCore } from "./core_store.ts";
import { CAN_WATCH_MEMORY } from "./limits.ts";

/** With this much unread by a controller, it gets no more jobs run until it reads. */
const UNREAD_BYTES_MAX = 64 * 1024 * 1024;

/** With this much, nothing more is taken from it either: a job that is refused needs no slot. */
const UNREAD_BYTES_LIMIT = 2 * UNREAD_BYTES_MAX;

/**
 * A controller that ends its sending gets what is answered within this time. Often it is just gone, and
 * then its jobs must not hold the slots.
 */
export const HALF_CLOSED_MS = 30_000;

/** What jobs hear that need what is not there. */
const NOT_HERE = "The chosen compute core is not here, and was not sent";

/** A job as the pool carries it through the worker. */
export interface RelayedJob {
  readonly connection: Connection;
  /** The id of the message that brought it. */
  readonly id: Uint64;
  /** That message's payload, as it came, without limits. */
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly limits: JobLimits;
  /** It is answered; where it runs, it may be ended. */
  isCancelled: boolean;
  /** How often its process was over its memory limit, maybe because of jobs before it. */
  timesOver: number;
}

/** What a connection needs of its worker. */
export interface ConnectionHost {
  /** Stores a core and sees whether it loads. Rejects with the reason. */
  offerCore(name: string, content: Uint8Array): Promise<StoredCore>;
  /** Sees whether a core that is here loads; `undefined` if it is not here. Rejects with the reason. */
  chooseCore(key: CoreKey): Promise<StoredCore | undefined>;
  /** The core is no longer this connection's, but jobs that came before may still need it. */
  releaseCore(core: StoredCore): void;
  queueJob(connection: Connection, core: StoredCore, job: RelayedJob): void;
  /** Takes a queued job back, or lets go of one that runs; `undefined` if there is none with this id. */
  cancelJob(connection: Connection, id: Uint64): RelayedJob | undefined;
  describe(): WorkerDescription;
  load(): WorkerLoad;
  setBlocked(connection: Connection, isBlocked: boolean): void;
  onConnectionClosed(connection: Connection, reason: Error | undefined): void;
}

interface LoadingCore {
  readonly state: "loading";
  readonly waiting: RelayedJob[];
}

/** The core that a connection's jobs use: not loaded yet, loaded, or refused. */
type CurrentCore =
  | LoadingCore
  | { readonly state: "ready"; readonly core: StoredCore }
  | { readonly state: "none"; readonly reason: string };

/** A connection with a controller. */
export class Connection {
  readonly #host: ConnectionHost;
  readonly #link: Link;
  readonly #halfClosedMs: number;
  readonly #silentMsMax: number;
  #core: CurrentCore = { state: "none", reason: "No compute core was sent yet" };
  /** Jobs taken and not answered, and what they weigh. */
  #jobs = 0;
  #jobBytes = 0;
  /** The current core is the last of them, at most: jobs may still wait for those before it. */
  readonly #coresLoading = new Set<LoadingCore>();
  #version = 1;
  readonly #silence = new Silence();
  #isPaused = false;
  #isBlocked = false;
  #isDraining = false;
  #peerEndedTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    host: ConnectionHost,
    stream: ByteStream,
    readonly client: ClientId,
    options: { payloadBytesMax: number | undefined; halfClosedMs: number; silentMsMax: number },
  ) {
    this.#host = host;
    this.#silentMsMax = options.silentMsMax;
    this.#halfClosedMs = options.halfClosedMs;
    this.#link = new Link(stream, {
      onFrame: (frame) => this.#onFrame(frame),
      onBroken: (error) => this.#onBroken(error),
      onPeerEnded: () => this.#onPeerEnded(),
      onDrained: () => this.#onDrained(),
      onClosed: (reason) => this.#onClosed(reason),
    }, options);
  }

  get peer(): string {
    return this.#link.peer;
  }

  start(): void {
    this.#link.start();
  }

  /**
   * The worker is leaving: nothing more is started. Version 1 has no word for that; there, what is not
   * started is lost with the connection.
   */
  drain(): void {
    this.#isDraining = true;
    if (this.#version === 1) return this.#link.pause(true);
    this.#sendWhole(encodeDraining());
    for (const { waiting } of this.#coresLoading) {
      for (const job of waiting.splice(0)) this.refuse(job);
    }
  }

  /** Closes if the controller has broken its promise to say something now and then. */
  checkSilence(nowMs: number): void {
    const silentMs = this.#silence.look(this.#link.signsOfLife, !this.#isPaused, nowMs);
    if (this.#version === 1 || silentMs < this.#silentMsMax) return;
    this.#link.close(new Error(`it has been silent for ${this.#silentMsMax / 1000} s`));
  }

  /** Gives the controller what it has been answered, then closes. */
  end(): Promise<void> {
    return this.#link.end();
  }

  /** Closes at once. */
  close(): void {
    this.#link.close();
  }

  /** Passes on a slot's response to a job. */
  answer(job: RelayedJob, type: number, payload: Uint8Array<ArrayBuffer>): void {
    if (type !== ResponseType.ok) return this.fail(job, "other", decodeError(payload));
    if (this.#link.isClosed) return;
    this.#link.send(type, job.id, payload);
    if (this.#link.pendingBytes > UNREAD_BYTES_MAX) this.#setBlocked(true);
    this.#settled(job);
  }

  /** Says that a job has failed without a result. */
  fail(job: RelayedJob, kind: FailureKindName, reason: string): void {
    if (this.#link.isClosed) return;
    this.#error(job.id, kind, reason);
    this.#settled(job);
  }

  /** The worker is leaving, and has not started the job. */
  refuse(job: RelayedJob): void {
    if (this.#version > 1) this.fail(job, "draining", "The worker is about to leave");
  }

  #settled(job: RelayedJob): void {
    this.#jobs -= 1;
    this.#jobBytes -= job.payload.byteLength;
    if (this.#isPaused) this.#setPaused(this.#isOverfull(0.5));
    this.#endIfDone();
  }

  /** Lets a controller go that has ended its sending and has all its answers. */
  #endIfDone(): void {
    if (this.#peerEndedTimer && this.#jobs === 0 && this.#coresLoading.size === 0) void this.end();
  }

  #onFrame(frame: Frame): void {
    try {
      if (frame.type === MessageType.job) {
        checkJob(frame.payload);
        this.#onJob(frame.id, frame.payload, NO_LIMITS);
      } else if (frame.type === MessageType.limitedJob && this.#version > 1) {
        const { job, limits } = readLimitedJob(frame.payload);
        this.#onJob(frame.id, job, limits);
      } else {
        this.#onMessage(this.#version === 1 ? decodeMessage(frame) : decodeMessage2(frame));
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#error(frame.id, "protocol", error.message);
    }
  }

  #onMessage(message: Message2): void {
    const { type, id } = message;
    if (type === "version") this.#onVersion(id, message.version);
    if (type === "core") {
      const { name, content } = message;
      const offer = () => this.#host.offerCore(name, content);
      void this.#onCore(id, name, offer, () => encodeCoreResponse(id));
    }
    if (type === "choose" && this.#holds(message.core as CoreKey)) {
      this.#sendWhole(encodeChooseResponse(id, true)); // nothing changes
    } else if (type === "choose") {
      const choose = () => this.#host.chooseCore(message.core as CoreKey);
      void this.#onCore(
        id,
        message.name,
        choose,
        (core) => encodeChooseResponse(id, core !== undefined),
      );
    }
    if (type === "cancel") this.#onCancel(id, message.message);
    if (type === "describe") this.#sendWhole(encodeDescription(id, this.#host.describe()));
    if (type === "ping") this.#sendWhole(encodeWorkerLoad(id, this.#host.load()));
  }

  /** Whether a core is current, and was seen to load. */
  #holds(key: CoreKey): boolean {
    return this.#core.state === "ready" && this.#core.core.key === key;
  }

  #onVersion(id: Uint64, version: number): void {
    const isAccepted = version >= 1 && version <= LATEST_VERSION;
    this.#sendWhole(encodeVersionResponse(id, isAccepted));
    if (isAccepted) this.#version = version;
    else void this.#link.end();
  }

  #onCancel(id: Uint64, message: Uint64): void {
    const job = this.#takeWaiting(message) ?? this.#host.cancelJob(this, message);
    if (job) this.fail(job, "cancelled", "The controller has cancelled the job");
    this.#sendWhole(encodeDone(id));
  }

  /** Takes out a job that waits for its core. */
  #takeWaiting(id: Uint64): RelayedJob | undefined {
    for (const { waiting } of this.#coresLoading) {
      const index = waiting.findIndex((job) => job.id === id);
      if (index >= 0) return waiting.splice(index, 1)[0];
    }
    return undefined;
  }

  /** `find` gives the new core, and `answer` the response to it. */
  async #onCore(
    id: Uint64,
    name: string,
    find: () => Promise<StoredCore | undefined>,
    answer: (core: StoredCore | undefined) => Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    this.#dropCore();
    const loading: LoadingCore = { state: "loading", waiting: [] };
    this.#core = loading;
    this.#coresLoading.add(loading);
    let loaded: CurrentCore;
    try {
      const core = await find();
      loaded = core ? { state: "ready", core } : { state: "none", reason: NOT_HERE };
      this.#sendWhole(answer(core));
    } catch (error) {
      const reason = `Cannot load compute core "${name}": ${messageOf(error)}`;
      loaded = { state: "none", reason };
      this.#error(id, "core", reason);
    }
    for (const job of loading.waiting) this.#start(loaded, job);
    if (this.#core === loading && !this.#link.isClosed) this.#core = loaded;
    else if (loaded.state === "ready") this.#host.releaseCore(loaded.core);
    this.#coresLoading.delete(loading);
    this.#endIfDone();
  }

  /** The hot path: the payload is checked, and otherwise passed on as it came. */
  #onJob(id: Uint64, payload: Uint8Array<ArrayBuffer>, limits: JobLimits): void {
    const job = { connection: this, id, payload, limits, isCancelled: false, timesOver: 0 };
    this.#jobs += 1;
    this.#jobBytes += payload.byteLength;
    if (this.#isOverfull(1)) this.#setPaused(true);
    if (this.#core.state === "loading") this.#core.waiting.push(job);
    else this.#start(this.#core, job);
  }

  #start(current: CurrentCore, job: RelayedJob): void {
    if (this.#link.isClosed) return;
    if (current.state === "none") this.fail(job, "core", current.reason);
    else if (current.state === "ready") this.#queue(current.core, job);
  }

  #queue(core: StoredCore, job: RelayedJob): void {
    if (this.#isDraining) this.refuse(job);
    else if (job.limits.memoryBytes > 0 && !CAN_WATCH_MEMORY) {
      this.fail(job, "memory", "This worker's system does not tell how much memory a process has");
    } else this.#host.queueJob(this, core, job);
  }

  #isOverfull(part: number): boolean {
    return this.#jobs > part * UNANSWERED_JOBS_MAX ||
      (this.#jobs > 1 && this.#jobBytes > part * UNANSWERED_BYTES_MAX) ||
      this.#link.pendingBytes > part * UNREAD_BYTES_LIMIT;
  }

  #setPaused(isPaused: boolean): void {
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    this.#link.pause(isPaused);
  }

  #setBlocked(isBlocked: boolean): void {
    if (isBlocked === this.#isBlocked) return;
    this.#isBlocked = isBlocked;
    this.#host.setBlocked(this, isBlocked);
  }

  #onBroken(error: ProtocolError): void {
    if (error instanceof PayloadTooLargeError) this.#error(error.id, "protocol", error.message);
  }

  #onPeerEnded(): void {
    this.#peerEndedTimer = setTimeout(() => this.#link.close(), this.#halfClosedMs);
    this.#endIfDone();
  }

  #onDrained(): void {
    this.#setBlocked(false);
    if (this.#isPaused) this.#setPaused(this.#isOverfull(0.5));
  }

  #onClosed(reason: Error | undefined): void {
    clearTimeout(this.#peerEndedTimer);
    this.#dropCore();
    this.#host.onConnectionClosed(this, reason);
  }

  #dropCore(): void {
    if (this.#core.state === "ready") this.#host.releaseCore(this.#core.core);
    this.#core = { state: "none", reason: "The connection is closed" };
  }

  #error(id: Uint64, kind: FailureKindName, text: string): void {
    this.#sendWhole(this.#version === 1 ? encodeError(id, text) : encodeKindError(id, kind, text));
  }

  #sendWhole(frame: Uint8Array<ArrayBuffer>): void {
    this.#link.writer.whole(frame);
    if (this.#isOverfull(1)) this.#setPaused(true);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
