/** Sends and receives frames over a byte stream. Only this file reads and writes bytes of the protocol. */

import {
  type BlobSource,
  type Frame,
  type FrameSource,
  FrameWriter,
  ProtocolError,
  TruncatedFrameError,
  type Uint64,
} from "../protocol/mod.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import type { ByteStream } from "../runtime/ports.ts";
import { reasonToClose } from "./bug_error.ts";
import { deliverNext, FRAMES_PER_TURN_MAX } from "./delivery.ts";
import type { LinkEvents, Reception } from "./link_events.ts";
import { LinkCompression } from "./link_compression.ts";
import { DISCARDED_BYTES, FAST_END_BYTES_MAX, LAST_WRITE_MS, LINGER_MS } from "./link_end.ts";
import type { LinkOptions } from "./link_options.ts";
import { type LinkRounds, ReadRounds } from "./read_rounds.ts";
import { firstPartOf } from "./write_parts.ts";

/** A connection that carries frames. */
export class Link {
  readonly peer: string;
  readonly #stream: ByteStream;
  readonly #events: LinkEvents;
  readonly #clock: Clock;
  readonly #rounds: LinkRounds;
  readonly #writer: FrameWriter;
  readonly compression: LinkCompression;
  #writingBytes = 0;
  #signsOfLife = 0;
  #unacknowledgedBytes = 0;
  #writtenAtMs: number | undefined;
  #flushIsQueued = false;
  #reading: Promise<void> | undefined;
  #pumping: Promise<void> | undefined;
  readonly #hasClosed = Promise.withResolvers<void>();
  #closing: Timer | undefined;
  #broken: ProtocolError | undefined;
  #resume: (() => void) | undefined;
  #held: Promise<void> | undefined;
  #frames = 0;
  #turnEndsAt = FRAMES_PER_TURN_MAX;
  #isPaused = false;
  #isArriving = false;
  #isEnding = false;
  #isClosed = false;

  constructor(stream: ByteStream, events: LinkEvents, options: LinkOptions) {
    this.peer = stream.peer;
    this.#stream = stream;
    this.#events = events;
    this.#clock = options.clock;
    this.#rounds = (options.rounds ?? new ReadRounds(options.clock)).join();
    this.#writer = new FrameWriter(options.references);
    this.compression = new LinkCompression(options, {
      writer: this.#writer,
      write: (bytes) => this.#write(bytes),
      onBytes: (bytes) => events.onRead?.(bytes),
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** How often bytes have arrived from the peer, or the peer has accepted some of the pending bytes. */
  get signsOfLife(): number {
    return this.#signsOfLife;
  }

  /** What has been received, and what is under way. */
  get reception(): Reception {
    const { heldBytes, allocatedBytes } = this.#decoder;
    const frames = this.#frames;
    const mustWait = this.#isPaused || this.#held || this.#decoder.settled;
    return { frames, heldBytes, allocatedBytes, isListening: !mustWait };
  }

  /** Bytes handed to the system since bytes last arrived. They may not have reached the peer yet. */
  get unacknowledgedBytes(): number {
    return this.#unacknowledgedBytes;
  }

  /** When the system last accepted bytes, if more wait to be accepted: it accepts them as the peer reads. */
  get waitsSinceMs(): number | undefined {
    return this.#writingBytes > 0 ? this.#writtenAtMs ?? 0 : undefined;
  }

  /** Whether the system has accepted any bytes. */
  get hasWritten(): boolean {
    return this.#writtenAtMs !== undefined;
  }

  /** Bytes of sent frames that the system has not accepted yet. */
  get pendingBytes(): number {
    return this.#writer.pendingBytes + this.compression.pendingBytes + this.#writingBytes;
  }

  get #decoder(): FrameSource {
    return this.compression.decoder;
  }

  /** Starts reading. Frames are reported from now on. */
  start(): void {
    this.#reading = this.#read().finally(() => this.#decoder.close()).then(
      () => this.#onEnd(),
      (error) => this.close(reasonToClose(error)),
    );
  }

  /** The writer of frames. All frames of one turn of the event loop are one write. */
  get writer(): FrameWriter {
    if (!this.#flushIsQueued && !this.#isClosed) {
      this.#flushIsQueued = true;
      queueMicrotask(() => {
        this.#flushIsQueued = false;
        this.#flush();
      });
    }
    return this.#writer;
  }

  /** Sends a frame with any payload. */
  send(type: number, id: Uint64, payload: Uint8Array<ArrayBuffer>): void {
    this.writer.frame(type, id, payload);
  }

  /** Sends a frame from memory of the caller's; see `FrameWriter.frameInPlace`. */
  sendInPlace(type: number, id: Uint64, payload: Frame["payload"], onReleased: () => void): void {
    if (this.#isClosed) onReleased();
    else this.writer.frameInPlace(type, id, payload, onReleased);
  }

  /** Sends a frame with a blob part by part; see `FrameWriter.hugeFrame`. */
  sendHuge(type: number, id: Uint64, head: Frame["payload"], blob: BlobSource): void {
    if (this.#isClosed) blob.close();
    else this.writer.hugeFrame(type, id, head, blob);
  }

  /** Pauses or resumes reading. While reading is paused, the peer has to wait. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (!isPaused) this.#resume?.();
  }

  /** Delivers nothing more, after the frame that is being delivered, until this resolves. */
  hold(until: Promise<void>): void {
    this.#held = until;
  }

  /** Gives up the large payload that is arriving. Its frame is not delivered. */
  discardArriving(): void {
    this.#decoder.discardArriving();
    this.#isArriving = false;
  }

  /**
   * Writes everything that is pending, then closes. What the peer still sends is discarded. A slow peer gets all
   * bytes as long as it keeps accepting some.
   */
  end(): Promise<void> {
    if (!this.#isEnding && !this.#isClosed) void this.#finish();
    return this.#hasClosed.promise;
  }

  async #finish(): Promise<void> {
    this.#isEnding = true;
    this.pause(false);
    const isMuch = this.pendingBytes + this.#unacknowledgedBytes > FAST_END_BYTES_MAX;
    this.#closeAfter(LAST_WRITE_MS);
    for (this.#flush(); this.#pumping;) await this.#pumping;
    if (this.#isClosed) return;
    await this.#stream.endWrites().catch(() => {}); // the peer may be gone
    // Do not close yet: if the peer still sent anything, the system would discard our unsent bytes.
    const sinceMs = this.#clock.now() - (this.#writtenAtMs ?? 0);
    this.#closeAfter(isMuch ? Math.max(LAST_WRITE_MS - sinceMs, LINGER_MS) : LINGER_MS);
    await this.#reading;
    this.close(this.#broken);
  }

  /** Closes the link after this time. A further call starts the time again. */
  #closeAfter(limitMs: number): void {
    this.#closing?.stop();
    if (this.#isClosed) return;
    this.#closing = this.#clock.after(limitMs, () => this.close(this.#broken));
  }

  async #read(): Promise<void> {
    while (!this.#isClosed) {
      if (this.#isPaused) await new Promise<void>((resolve) => this.#resume = resolve);
      const space = this.#isEnding ? new Uint8Array(DISCARDED_BYTES) : this.#decoder.space();
      const isInside = this.#decoder.heldBytes > 0;
      const sinceMs = this.#clock.now();
      const bytes = await this.#stream.read(space, this.#decoder.isLarge);
      if (bytes === null) break;
      this.compression.arrivals.onRead(bytes, this.#clock.now() - sinceMs, isInside);
      this.#signsOfLife += 1;
      this.#unacknowledgedBytes = 0;
      if (this.#isEnding) continue;
      this.#events.onRead?.(bytes);
      this.#decoder.commit(bytes);
      while (this.#deliver()) await this.#mayDeliver();
      const round = this.#rounds.onRead();
      if (round) await round;
    }
    if (this.#decoder.heldBytes > 0 && !this.#isEnding) {
      throw new TruncatedFrameError(this.#decoder.heldBytes);
    }
  }

  /** Delivers what has arrived. Returns whether the rest of it has to wait. */
  #deliver(): boolean {
    const mustWait = this.#deliverFrames();
    const { arriving } = this.#decoder;
    const wasArriving = this.#isArriving;
    this.#isArriving = arriving !== undefined;
    if ((arriving || wasArriving) && !this.#isClosed) this.#events.onArriving?.(arriving);
    return mustWait;
  }

  #deliverFrames(): boolean {
    if (this.#isClosed || this.#isEnding) return false; // an event handler has closed or ended the link
    try {
      while (deliverNext(this.#decoder, this.#events)) {
        this.#frames += 1;
        if (this.#isClosed || this.#isEnding) return false;
        if (this.#frames >= this.#turnEndsAt || this.#held || this.#isPaused) return true;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#events.onBroken?.(this.#broken = error);
      void this.end();
      return false;
    }
    return this.#decoder.hasMore === true || this.#decoder.settled !== undefined;
  }

  /** Resolves when more frames may be delivered. */
  async #mayDeliver(): Promise<void> {
    while (this.#decoder.settled && !this.#isClosed) {
      await new Promise<void>((resolve, reject) => {
        this.#resume = resolve; // when the link is closed: it may never settle
        this.#decoder.settled?.then(resolve, reject);
      });
    }
    if (this.#decoder.hasMore) await this.compression.turns.next();
    else if (this.#frames >= this.#turnEndsAt) await this.#clock.nextTurn();
    this.#turnEndsAt = this.#frames + FRAMES_PER_TURN_MAX;
    while (this.#held && !this.#isClosed) {
      const held = this.#held;
      await held;
      if (this.#held === held) this.#held = undefined;
    }
    if (this.#isPaused) await new Promise<void>((resolve) => this.#resume = resolve);
  }

  #flush(): void {
    if (this.#pumping || this.#isClosed || this.#writer.pendingBytes === 0) return;
    this.#pumping = this.#pump().finally(() => {
      this.#pumping = undefined;
      this.#flush(); // frames that were written meanwhile
    });
  }

  async #pump(): Promise<void> {
    try {
      await this.compression.pump();
    } catch (error) {
      return this.close(reasonToClose(error));
    }
    if (!this.#isClosed) this.#events.onDrained?.();
  }

  async #write(piece: Uint8Array<ArrayBuffer>): Promise<void> {
    for (let at = 0; at < piece.byteLength;) {
      const part = firstPartOf(piece.subarray(at), this.#isEnding);
      this.#writingBytes = piece.byteLength - at;
      await this.#stream.write(part);
      this.#writtenAtMs = this.#clock.now();
      at += part.byteLength;
      this.#unacknowledgedBytes += part.byteLength;
      // The last part may only be in a buffer of the system, so it does not show that the peer is alive.
      const moreBytes = this.#writer.pendingBytes + this.compression.pendingBytes;
      if (at < piece.byteLength || moreBytes > 0) this.#signsOfLife += 1;
      if (this.#isEnding) this.#closeAfter(LAST_WRITE_MS);
    }
    this.#writingBytes = 0;
  }

  #onEnd(): void {
    if (this.#events.onPeerEnded && !this.#isEnding && !this.#isClosed) this.#events.onPeerEnded();
    else this.close(this.#broken);
  }

  /** Closes, because the peer seems to be silent, unless something from it was only not read yet. */
  async closeIfSilent(reason: string): Promise<void> {
    const signs = this.#signsOfLife;
    await this.#rounds.all();
    if (signs === this.#signsOfLife) this.close(new Error(reason));
  }

  /** Closes at once. */
  close(reason?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closing?.stop();
    this.pause(false);
    this.#stream.close();
    this.#writer.close();
    this.#hasClosed.resolve();
    this.#events.onClosed(reason);
  }
}
