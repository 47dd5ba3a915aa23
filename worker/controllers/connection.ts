/** One controller, as its worker sees it: decodes what it says, and answers. */

import { Link, type LinkOptions } from "../../link/link.ts";
import { Silence } from "../../link/silence.ts";
import type { ClientId, CoreKey, Job } from "../../pool/types.ts";
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
  UNANSWERED_CORES_MAX,
  UNANSWERED_JOBS_MAX,
  type WorkerDescription,
  type WorkerLoad,
} from "../../protocol/mod.ts";
import { messageOf } from "../../runtime/error_text.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import { keyOf, type OfferedCore, type StoredCore } from "../cores/core_store.ts";
import { CurrentCore, type TriedCore } from "./current_core.ts";
import { CAN_WATCH_MEMORY } from "../slots/limits.ts";
import { type ChunkUser, SharedChunks } from "./shared_chunk.ts";
import { Semaphore } from "../cores/semaphore.ts";

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
export interface RelayedJob extends ChunkUser {
  readonly connection: Connection;
  /** The id of the message that brought it. */
  readonly id: Uint64;
  /** That message's payload, as it came, without limits. */
  payload: Uint8Array<ArrayBuffer>;
  readonly limits: JobLimits;
  /** It is answered; where it runs, it may be ended. */
  isCancelled: boolean;
  /** How often its process was ended for it, being over a limit, and it was maybe not to blame. */
  timesOver: number;
  /** The jobs among which it waits for its core, or has. */
  waitsAmong: Set<RelayedJob> | undefined;
  /** The pool's own word for it, once it is there. */
  queued: Job<RelayedJob> | undefined;
}

/** What a connection needs of its worker. */
export interface ConnectionHost {
  /** Stores a core and sees whether it loads. Rejects with the reason. */
  offerCore(core: OfferedCore, turns: Semaphore): Promise<StoredCore>;
  /** Sees whether a core that is here loads; `undefined` if it is not here. Rejects with the reason. */
  chooseCore(key: CoreKey, turns: Semaphore): Promise<StoredCore | undefined>;
  /** Whether a core that was seen to load is still here. */
  hasCore(key: CoreKey): boolean;
  /** The core is no longer this connection's, but jobs that came before may still need it. */
  releaseCore(core: StoredCore): void;
  queueJob(connection: Connection, core: StoredCore, job: RelayedJob): void;
  /** Jobs of a connection that are queued or run, and are not answered. */
  jobsOf(connection: Connection): Iterable<RelayedJob>;
  /** Takes a queued job back, or lets go of one that runs. */
  cancelJob(job: RelayedJob): void;
  describe(): WorkerDescription;
  load(): WorkerLoad;
  setBlocked(connection: Connection, isBlocked: boolean): void;
  onConnectionClosed(connection: Connection, reason: Error | undefined): void;
}

/** A message that makes another core current. */
interface CoreMessage {
  readonly id: Uint64;
  readonly key: CoreKey;
  readonly name: string;
  /** Of its payload. */
  readonly bytes: number;
  /** Gives the core once it was seen to load. `undefined`: it is not here. */
  find(): Promise<StoredCore | undefined>;
  /** The response. */
  answer(isHere: boolean): Uint8Array<ArrayBuffer>;
}

/** A connection with a controller. */
export class Connection {
  readonly #host: ConnectionHost;
  readonly #link: Link;
  readonly #halfClosedMs: number;
  readonly #silentMsMax: number;
  readonly #core: CurrentCore;
  /** What one read brings is all taken, however many cores that are. They are tried a few at a time. */
  readonly #coreTurns = new Semaphore(UNANSWERED_CORES_MAX);
  /** Jobs taken and not answered, and what they weigh. */
  #jobs = 0;
  #jobBytes = 0;
  readonly #chunks = new SharedChunks(() => this.#unanswered());
  /** The same by their ids, from the first cancel on. Of two with one id, which nobody may send, one. */
  #jobsById: Map<Uint64, RelayedJob> | undefined;
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
    options: LinkOptions & { halfClosedMs: number; silentMsMax: number },
  ) {
    this.#host = host;
    this.#silentMsMax = options.silentMsMax;
    this.#halfClosedMs = options.halfClosedMs;
    this.#core = new CurrentCore({
      onCoreOf: (job, tried) => this.#begin(job, tried),
      onReleased: (core) => host.releaseCore(core),
    });
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
    // What has begun and was put back is all that still runs: it must, even if nobody reads its answer.
    this.#setBlocked(false);
    if (this.#version === 1) this.#setPaused(true);
    else this.#sendWhole(encodeDraining());
    for (const job of this.#core.takeWaiting()) this.refuse(job);
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
    if (this.#link.pendingBytes > UNREAD_BYTES_MAX) this.#setBlocked(!this.#isDraining);
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
    this.#chunks.leave(job);
    this.#jobsById?.delete(job.id);
    this.#readOn();
    this.#endIfDone();
  }

  /** Lets a controller go that has ended its sending and has all its answers. */
  #endIfDone(): void {
    if (!this.#peerEndedTimer || this.#jobs > 0 || this.#core.loading > 0) return;
    clearTimeout(this.#peerEndedTimer); // it may take what is answered as slowly as it likes
    void this.end();
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
        const message = this.#version === 1 ? decodeMessage(frame) : decodeMessage2(frame);
        this.#onMessage(message, frame.payload.byteLength);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#error(frame.id, "protocol", error.message);
    }
  }

  #onMessage(message: Message2, bytes: number): void {
    const { type, id } = message;
    if (type === "version") this.#onVersion(id, message.version);
    if (type === "core") {
      const { name, content } = message;
      const key = keyOf(content);
      const find = () => this.#host.offerCore({ key, name, content }, this.#coreTurns);
      this.#onCore({ id, key, name, bytes, find, answer: () => encodeCoreResponse(id) });
    }
    if (type === "choose") {
      const { name } = message;
      const key = message.core as CoreKey;
      const find = () => this.#host.chooseCore(key, this.#coreTurns);
      const answer = (isHere: boolean) => encodeChooseResponse(id, isHere);
      this.#onCore({ id, key, name, bytes, find, answer });
    }
    if (type === "cancel") this.#onCancel(id, message.message);
    if (type === "describe") this.#sendWhole(encodeDescription(id, this.#host.describe()));
    if (type === "ping") this.#sendWhole(encodeWorkerLoad(id, this.#host.load()));
  }

  #onVersion(id: Uint64, version: number): void {
    const isAccepted = version >= 1 && version <= LATEST_VERSION;
    this.#sendWhole(encodeVersionResponse(id, isAccepted));
    if (isAccepted) this.#version = version;
    else void this.#link.end();
  }

  #onCancel(id: Uint64, message: Uint64): void {
    const jobs = this.#jobsById ??= this.#indexJobs();
    const job = jobs.get(message);
    if (job) {
      job.waitsAmong?.delete(job);
      this.#host.cancelJob(job);
      this.fail(job, "cancelled", "The controller has cancelled the job");
    }
    this.#sendWhole(encodeDone(id));
  }

  /** Most controllers never cancel: no job pays for it before. After that no cancel costs a search. */
  #indexJobs(): Map<Uint64, RelayedJob> {
    return new Map(this.#unanswered().map((job) => [job.id, job]));
  }

  #unanswered(): RelayedJob[] {
    return [...this.#core.waiting(), ...this.#host.jobsOf(this)];
  }

  /** Another core is current from now on, unless it is the same one. */
  #onCore(message: CoreMessage): void {
    const { key } = message;
    if (this.#core.holds(key) && this.#host.hasCore(key)) this.#sendWhole(message.answer(true));
    else void this.#changeCore(message);
  }

  async #changeCore({ id, name, bytes, find, answer }: CoreMessage): Promise<void> {
    // It has a user from now on: if one that is on its way is sent once more, it never has none.
    const tried = find().then((core): TriedCore => {
      this.#sendWhole(answer(core !== undefined));
      return core ? { state: "ready", core } : { state: "none", reason: NOT_HERE };
    }, (error): TriedCore => {
      const reason = `Cannot load compute core "${name}": ${messageOf(error)}`;
      this.#error(id, "core", reason);
      return { state: "none", reason };
    });
    const changed = this.#core.change(tried, bytes);
    if (this.#isOverfull(1)) this.#setPaused(true);
    await changed;
    this.#readOn();
    this.#endIfDone();
  }

  /** The hot path: the payload is checked, and otherwise passed on as it came. */
  #onJob(id: Uint64, payload: Uint8Array<ArrayBuffer>, limits: JobLimits): void {
    const job: RelayedJob = {
      connection: this,
      id,
      payload,
      chunk: undefined,
      limits,
      isCancelled: false,
      timesOver: 0,
      waitsAmong: undefined,
      queued: undefined,
    };
    this.#jobs += 1;
    this.#jobBytes += payload.byteLength;
    this.#chunks.add(job);
    this.#jobsById?.set(id, job);
    if (this.#isOverfull(1)) this.#setPaused(true);
    if (this.#isDraining) return this.refuse(job);
    const tried = this.#core.coreFor(job);
    if (tried) this.#begin(job, tried);
  }

  /** It is known what has become of the core that a job needs. */
  #begin(job: RelayedJob, tried: TriedCore): void {
    if (this.#link.isClosed) return;
    if (tried.state === "none") this.fail(job, "core", tried.reason);
    else if (job.limits.memoryBytes > 0 && !CAN_WATCH_MEMORY) {
      this.fail(job, "memory", "This worker's system does not tell how much memory a process has");
    } else this.#host.queueJob(this, tried.core, job);
  }

  #isOverfull(part: number): boolean {
    const bytes = this.#jobBytes + this.#core.loadingBytes;
    return this.#jobs > part * UNANSWERED_JOBS_MAX ||
      this.#core.loading > UNANSWERED_CORES_MAX ||
      (this.#jobs + this.#core.loading > 1 && bytes > part * UNANSWERED_BYTES_MAX) ||
      this.#link.pendingBytes > part * UNREAD_BYTES_LIMIT;
  }

  /** Goes on with reading when there is room again; never for a controller of version 1 that is left. */
  #readOn(): void {
    if (!this.#isPaused || (this.#isDraining && this.#version === 1)) return;
    this.#setPaused(this.#isOverfull(0.5));
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
    this.#readOn();
  }

  #onClosed(reason: Error | undefined): void {
    clearTimeout(this.#peerEndedTimer);
    // What still runs refers to this connection, which is not to keep the other jobs for that long.
    this.#jobsById = undefined;
    this.#coreTurns.close(new Error("its controller is gone"));
    this.#core.close();
    this.#host.onConnectionClosed(this, reason);
  }

  #error(id: Uint64, kind: FailureKindName, text: string): void {
    this.#sendWhole(this.#version === 1 ? encodeError(id, text) : encodeKindError(id, kind, text));
  }

  #sendWhole(frame: Uint8Array<ArrayBuffer>): void {
    this.#link.writer.whole(frame);
    if (this.#isOverfull(1)) this.#setPaused(true);
  }
}
