/** Frames over a byte stream: the one place where bytes of the protocol are read and written. */

import {
  type Frame,
  FrameDecoder,
  FrameWriter,
  ProtocolError,
  TruncatedFrameError,
  type Uint64,
} from "../protocol/mod.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import { toError } from "../runtime/error_text.ts";
import type { ByteStream } from "../runtime/ports.ts";

/**
 * After the last word to a peer that still sends, we read on for this long and throw away what comes:
 * closing at once would make the system throw away our last word instead.
 */
const LINGER_MS = 500;

/** A peer that takes none of our last words for so long does without them. */
const LAST_WRITE_MS = 30_000;

/** Written at once: what shows whether a slow peer takes anything at all. */
const WRITE_BYTES_MAX = 1024 * 1024;

/** The same for last words, where not to see that a slow link moves would cut off an answer. */
const LAST_WRITE_BYTES_MAX = 64 * 1024;

/** With more than this on its way at the end, a slow link may need far longer than `LINGER_MS` for it. */
const SOON_THERE_BYTES = 64 * 1024;

/** Read at once then. */
const WASTE_BYTES = 64 * 1024;

/** What a link's owner hears. All of it comes from the link's own reading and writing, never from a call. */
export interface LinkEvents {
  /** A whole frame has come. */
  onFrame(frame: Frame): void;
  /** The bytes from the peer are no frames. The last chance to send an error; then the link closes. */
  onBroken?(error: ProtocolError): void;
  /**
   * The peer sends nothing more, but may still read. Without this handler the link closes; with it,
   * closing is the handler's to do.
   */
  onPeerEnded?(): void;
  /** Everything sent so far has been handed to the system. */
  onDrained?(): void;
  /** The link is closed; nothing follows. `reason` is undefined when the peer ended it between frames. */
  onClosed(reason: Error | undefined): void;
}

/** How a link behaves. */
export interface LinkOptions {
  readonly clock: Clock;
  /** The largest payload to accept; `PAYLOAD_BYTES_MAX_DEFAULT` unless given. */
  readonly payloadBytesMax?: number | undefined;
}

/** One connection. */
export class Link {
  readonly #stream: ByteStream;
  readonly #events: LinkEvents;
  readonly #clock: Clock;
  readonly #decoder: FrameDecoder;
  readonly #writer = new FrameWriter();
  #writingBytes = 0;
  #signsOfLife = 0;
  #unheardBytes = 0;
  #writtenAtMs = 0;
  #flushIsQueued = false;
  #reading: Promise<void> | undefined;
  #pumping: Promise<void> | undefined;
  #ended: Promise<void> | undefined;
  #closing: Timer | undefined;
  #broken: ProtocolError | undefined;
  #resume: (() => void) | undefined;
  #isPaused = false;
  #isEnding = false;
  #isClosed = false;

  constructor(stream: ByteStream, events: LinkEvents, options: LinkOptions) {
    const { clock, payloadBytesMax } = options;
    this.#stream = stream;
    this.#events = events;
    this.#clock = clock;
    this.#decoder = new FrameDecoder(payloadBytesMax === undefined ? {} : { payloadBytesMax });
  }

  get peer(): string {
    return this.#stream.peer;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** How often something has come from the peer, or it has taken a part of what waits for it. */
  get signsOfLife(): number {
    return this.#signsOfLife;
  }

  /** Bytes that the system has taken since something came: they may still be on their way. */
  get unheardBytes(): number {
    return this.#unheardBytes;
  }

  /** Bytes sent that the system has not taken yet. */
  get pendingBytes(): number {
    return this.#writer.pendingBytes + this.#writingBytes;
  }

  /** Begins to read. Frames come from now on. */
  start(): void {
    this.#reading = this.#read().then(
      () => this.#onEnd(),
      (error) => this.#closed(toError(error)),
    );
  }

  /** Where frames are written to. What is written within one turn of the event loop leaves together. */
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

  /** Stops reading, so that the peer has to wait, or goes on. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (isPaused) return;
    this.#resume?.();
    this.#resume = undefined;
  }

  /**
   * Writes what is pending, then closes. What the peer still sends is read and thrown away. However much it
   * is, a peer that goes on taking it gets all of it.
   */
  end(): Promise<void> {
    return this.#ended ??= this.#finish();
  }

  async #finish(): Promise<void> {
    if (this.#isClosed) return;
    this.#isEnding = true;
    this.pause(false);
    const isMuch = this.pendingBytes + this.#unheardBytes > SOON_THERE_BYTES;
    this.#closeAfter(LAST_WRITE_MS);
    for (this.#flush(); this.#pumping;) await this.#pumping;
    if (this.#isClosed) return;
    await this.#stream.endWrites().catch(() => {}); // the peer may be gone: then there is nobody to tell
    // Closing would cut off what the system still has, too, if the peer then says another word.
    const sinceMs = this.#clock.now() - this.#writtenAtMs;
    this.#closeAfter(isMuch ? Math.max(LAST_WRITE_MS - sinceMs, LINGER_MS) : LINGER_MS);
    await this.#reading;
    this.#closed(this.#broken);
  }

  /** Closes the ending link after this time, unless it is called again before. */
  #closeAfter(limitMs: number): void {
    this.#closing?.stop();
    if (this.#isClosed) return;
    this.#closing = this.#clock.after(limitMs, () => this.#closed(this.#broken));
  }

  /** Closes at once. */
  close(reason?: Error): void {
    this.#closed(reason);
  }

  async #read(): Promise<void> {
    while (!this.#isClosed) {
      if (this.#isPaused) await new Promise<void>((resolve) => this.#resume = resolve);
      const space = this.#isEnding ? new Uint8Array(WASTE_BYTES) : this.#decoder.space();
      const bytes = await this.#stream.read(space);
      if (bytes === null) break;
      this.#signsOfLife += 1;
      this.#unheardBytes = 0;
      if (this.#isEnding) continue;
      this.#decoder.commit(bytes);
      this.#deliver();
    }
    if (this.#decoder.heldBytes > 0 && !this.#isEnding) {
      throw new TruncatedFrameError(this.#decoder.heldBytes);
    }
  }

  #deliver(): void {
    try {
      for (let frame = this.#decoder.next(); frame; frame = this.#decoder.next()) {
        this.#events.onFrame(frame);
        if (this.#isClosed || this.#isEnding) return;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#broken = error;
      this.#events.onBroken?.(error);
      void this.end();
    }
  }

  #flush(): void {
    if (this.#pumping || this.#isClosed || this.#writer.pendingBytes === 0) return;
    this.#pumping = this.#pump().finally(() => {
      this.#pumping = undefined;
      this.#flush(); // what was written while the last piece was on its way
    });
  }

  async #pump(): Promise<void> {
    try {
      for (let piece = this.#writer.take(); piece; piece = this.#writer.take()) {
        await this.#write(piece);
        this.#writer.release(piece);
      }
    } catch (error) {
      this.#closed(toError(error));
      return;
    }
    if (!this.#isClosed) this.#events.onDrained?.();
  }

  async #write(piece: Uint8Array<ArrayBuffer>): Promise<void> {
    for (let at = 0; at < piece.byteLength;) {
      const part = piece.subarray(at, at + this.#partBytesMax);
      this.#writingBytes = piece.byteLength - at;
      await this.#stream.write(part);
      this.#writtenAtMs = this.#clock.now();
      at += part.byteLength;
      this.#unheardBytes += part.byteLength;
      // The last part may lie in the system's buffers, wherever the peer is.
      const isLast = at >= piece.byteLength && this.#writer.pendingBytes === 0;
      if (!isLast) this.#signsOfLife += 1;
      if (this.#isEnding) this.#closeAfter(LAST_WRITE_MS);
    }
    this.#writingBytes = 0;
  }

  get #partBytesMax(): number {
    return this.#isEnding ? LAST_WRITE_BYTES_MAX : WRITE_BYTES_MAX;
  }

  #onEnd(): void {
    if (this.#events.onPeerEnded && !this.#isEnding && !this.#isClosed) this.#events.onPeerEnded();
    else this.#closed(this.#broken);
  }

  #closed(reason: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closing?.stop();
    this.pause(false);
    this.#stream.close();
    this.#events.onClosed(reason);
  }
}
