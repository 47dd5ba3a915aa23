/** One controller, as its worker sees it: decodes what it says, and answers. */

import { Link } from "../link/link.ts";
import type { ClientId } from "../pool/types.ts";
import {
  checkJob,
  decodeMessage,
  encodeError,
  encodeVersionResponse,
  type Frame,
  type Message,
  MessageType,
  PayloadTooLargeError,
  PROTOCOL_VERSION,
  ProtocolError,
  ResponseType,
  type Uint64,
} from "../protocol/mod.ts";
import type { ByteStream } from "../runtime/ports.ts";
import type { StoredCore } from "./core_store.ts";

/** A controller that sends further ahead than this has to wait: its jobs lie in this machine's memory. */
const QUEUE_BYTES_MAX = 256 * 1024 * 1024;
const QUEUE_JOBS_MAX = 65_536;

/** With this much unread by a controller, it gets no more jobs run until it reads. */
const UNREAD_BYTES_MAX = 64 * 1024 * 1024;

/** With this much, nothing more is taken from it either: a job that is refused needs no slot. */
const UNREAD_BYTES_LIMIT = 2 * UNREAD_BYTES_MAX;

/**
 * A controller that ends its sending gets what is answered within this time. Often it is just gone, and
 * then its jobs must not hold the slots.
 */
export const HALF_CLOSED_MS = 30_000;

const NOTHING = new Uint8Array(0);

/** A job as the pool carries it through the worker. */
export interface RelayedJob {
  readonly connection: Connection;
  /** The id of the message that brought it. */
  readonly id: Uint64;
  /** That message's payload, as it came. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** What a connection needs of its worker. */
export interface ConnectionHost {
  /** Stores a core and sees whether it loads. Rejects with the reason. */
  offerCore(name: string, content: Uint8Array): Promise<StoredCore>;
  /** The core is no longer this connection's, but jobs that came before may still need it. */
  releaseCore(core: StoredCore): void;
  queueJob(connection: Connection, core: StoredCore, job: RelayedJob): void;
  setBlocked(connection: Connection, isBlocked: boolean): void;
  onConnectionClosed(connection: Connection, reason: Error | undefined): void;
}

/** The core that a connection's jobs use: not loaded yet, loaded, or refused. */
type CurrentCore =
  | { readonly state: "loading"; readonly waiting: RelayedJob[] }
  | { readonly state: "ready"; readonly core: StoredCore }
  | { readonly state: "none"; readonly reason: string };

/** A connection with a controller. */
export class Connection {
  readonly #host: ConnectionHost;
  readonly #link: Link;
  readonly #halfClosedMs: number;
  #core: CurrentCore = { state: "none", reason: "No compute core was sent yet" };
  /** Jobs taken and not answered, and what they weigh. */
  #jobs = 0;
  #jobBytes = 0;
  #coresLoading = 0;
  #isPaused = false;
  #isBlocked = false;
  #peerEndedTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    host: ConnectionHost,
    stream: ByteStream,
    readonly client: ClientId,
    options: { payloadBytesMax: number | undefined; halfClosedMs: number },
  ) {
    this.#host = host;
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

  /** Stops taking messages: the worker is leaving. */
  pause(): void {
    this.#link.pause(true);
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
    if (this.#link.isClosed) return;
    this.#link.send(type, job.id, payload);
    if (this.#link.pendingBytes > UNREAD_BYTES_MAX) this.#setBlocked(true);
    this.#settled(job);
  }

  /** Says that a job has failed without a result. */
  fail(job: RelayedJob, reason: string): void {
    if (this.#link.isClosed) return;
    this.#error(job.id, reason);
    this.#settled(job);
  }

  #settled(job: RelayedJob): void {
    this.#jobs -= 1;
    this.#jobBytes -= job.payload.byteLength;
    if (this.#isPaused) this.#setPaused(this.#isOverfull(0.5));
    this.#endIfDone();
  }

  /** Lets a controller go that has ended its sending and has all its answers. */
  #endIfDone(): void {
    if (this.#peerEndedTimer && this.#jobs === 0 && this.#coresLoading === 0) void this.end();
  }

  #onFrame(frame: Frame): void {
    try {
      if (frame.type === MessageType.job) this.#onJob(frame);
      else this.#onMessage(decodeMessage(frame));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#error(frame.id, error.message);
    }
  }

  #onMessage(message: Message): void {
    if (message.type === "version") this.#onVersion(message.id, message.version);
    if (message.type === "core") void this.#onCore(message.id, message.name, message.content);
  }

  #onVersion(id: Uint64, version: number): void {
    const isAccepted = version === PROTOCOL_VERSION;
    this.#sendWhole(encodeVersionResponse(id, isAccepted));
    if (!isAccepted) void this.#link.end();
  }

  async #onCore(id: Uint64, name: string, content: Uint8Array): Promise<void> {
    this.#dropCore();
    const loading: CurrentCore = { state: "loading", waiting: [] };
    this.#core = loading;
    this.#coresLoading += 1;
    let loaded: CurrentCore;
    try {
      loaded = { state: "ready", core: await this.#host.offerCore(name, content) };
      this.#link.send(ResponseType.ok, id, NOTHING);
    } catch (error) {
      const reason = `Cannot load compute core "${name}": ${messageOf(error)}`;
      loaded = { state: "none", reason };
      this.#error(id, reason);
    }
    for (const job of loading.waiting) this.#start(loaded, job);
    if (this.#core === loading && !this.#link.isClosed) this.#core = loaded;
    else if (loaded.state === "ready") this.#host.releaseCore(loaded.core);
    this.#coresLoading -= 1;
    this.#endIfDone();
  }

  /** The hot path: the payload is checked, and otherwise passed on as it came. */
  #onJob(frame: Frame): void {
    checkJob(frame.payload);
    const job = { connection: this, id: frame.id, payload: frame.payload };
    this.#jobs += 1;
    this.#jobBytes += frame.payload.byteLength;
    if (this.#isOverfull(1)) this.#setPaused(true);
    if (this.#core.state === "loading") this.#core.waiting.push(job);
    else this.#start(this.#core, job);
  }

  #start(current: CurrentCore, job: RelayedJob): void {
    if (this.#link.isClosed) return;
    if (current.state === "ready") this.#host.queueJob(this, current.core, job);
    if (current.state === "none") this.fail(job, current.reason);
  }

  #isOverfull(part: number): boolean {
    return this.#jobs > part * QUEUE_JOBS_MAX || this.#jobBytes > part * QUEUE_BYTES_MAX ||
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
    if (error instanceof PayloadTooLargeError) this.#error(error.id, error.message);
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

  #error(id: Uint64, text: string): void {
    this.#sendWhole(encodeError(id, text));
  }

  #sendWhole(frame: Uint8Array<ArrayBuffer>): void {
    this.#link.writer.whole(frame);
    if (this.#isOverfull(1)) this.#setPaused(true);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
