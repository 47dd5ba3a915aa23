/**
 * Writes text to a reader that may be slow or stop reading for hours, such as a suspended terminal or a full
 * pipe. A blocking write would stop the whole process for that time.
 */

import { type Clock, delay } from "../../runtime/clock.ts";

/** The most characters in the queue. Enough for what a busy worker logs while a reader pauses. */
const QUEUED_CHARS_MAX = 1024 * 1024;

/** Characters per write. Small writes show whether a reader is slow or has stopped. */
const WRITE_CHARS = 16 * 1024;

/** A reader that has accepted nothing for this long counts as stopped. Printing cores no longer wait for it. */
const STOPPED_MS = 3_000;

/** `flush` gives up on a reader that has accepted nothing for this long. */
const FLUSH_MS = 1_000;

/** Temporary errors, such as a full disk. Any other error means that the pipe or terminal is closed. */
const TEMPORARY_CODES = ["ENOSPC", "EDQUOT", "EAGAIN", "ENOBUFS", "ENOMEM"];

/** A bounded queue of text. When it is full, lines are dropped and counted; a line in their place says how many. */
export class BoundedWriter {
  readonly #writeBytes: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
  readonly #clock: Clock;
  readonly #name: string;
  readonly #encoder = new TextEncoder();
  #queue: string[] = [];
  #queuedChars = 0;
  /** Dropped lines that have not been reported. */
  #droppedLines = 0;
  /** Dropped lines that the text of the current write reports. */
  #reportedLines = 0;
  #pumping: Promise<void> | undefined;
  #isStopped = false;
  #isClosed = false;
  #room: PromiseWithResolvers<void> | undefined;

  /** `name`: what is written to, for the line about dropped lines. */
  constructor(
    writeBytes: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
    clock: Clock,
    name = "stderr",
  ) {
    this.#writeBytes = writeBytes;
    this.#clock = clock;
    this.#name = name;
  }

  /** Queues text, or drops it if the queue is full. The text of a line includes its line feed. */
  write(text: string): void {
    if (this.#isClosed) return;
    if (!this.#pumping) this.#reportDropped(); // the last write failed, but this one may succeed
    if (this.#droppedLines > 0 || this.#queuedChars + text.length > QUEUED_CHARS_MAX) {
      this.#droppedLines += 1;
    } else this.#enqueue(text);
  }

  /** Whether text is waiting to be written. A progress bar then skips a redraw. */
  get isBusy(): boolean {
    return this.#queuedChars > 0;
  }

  /**
   * A promise to wait for before queueing text that can wait, such as the lines that cores print. `undefined`
   * while there is room, and when the reader has stopped.
   */
  room(): Promise<void> | undefined {
    if (this.#queuedChars <= QUEUED_CHARS_MAX / 2 || this.#isStopped) return undefined;
    return (this.#room ??= Promise.withResolvers<void>()).promise;
  }

  /** Resolves when everything is written, or when the reader has accepted nothing for `limitMs`. */
  async flush(limitMs = FLUSH_MS): Promise<void> {
    while (this.#pumping) {
      const before = this.#queuedChars;
      await Promise.race([this.#pumping, delay(this.#clock, limitMs)]);
      if (this.#queuedChars === before) return;
    }
  }

  #enqueue(text: string): void {
    this.#queue.push(text);
    this.#queuedChars += text.length;
    this.#pumping ??= this.#pump();
  }

  async #pump(): Promise<void> {
    await undefined; // lines of the same turn of the event loop are one write
    while (this.#queue.length > 0) {
      const text = this.#next();
      const timer = this.#clock.after(STOPPED_MS, () => this.#setStopped(true));
      const failure = await this.#writeBytes(this.#encoder.encode(text))
        .catch((error: unknown) => ({ error }));
      timer.stop();
      this.#queuedChars -= text.length;
      this.#setStopped(false);
      if (failure) this.#onFailed(text, failure.error);
      else this.#reportDropped();
    }
    this.#pumping = undefined; // no await since the queue was empty, or a line would stay in it
  }

  #onFailed(text: string, error: unknown): void {
    const { code = "" } = (error ?? {}) as { code?: string };
    if (!TEMPORARY_CODES.includes(code)) return this.#close();
    const lines = text.split("\n").length - 1;
    // One of these lines may be a report of lines that were dropped before.
    this.#droppedLines += this.#reportedLines > 0 ? lines - 1 + this.#reportedLines : lines;
    this.#reportedLines = 0;
  }

  /** Takes the text of the next write from the queue. It counts as queued until it is written. */
  #next(): string {
    let pieces = 0;
    for (let chars = 0; pieces < this.#queue.length && chars < WRITE_CHARS; pieces++) {
      chars += this.#queue[pieces]?.length ?? 0;
    }
    return this.#queue.splice(0, pieces).join("");
  }

  #reportDropped(): void {
    this.#reportedLines = 0;
    if (this.#droppedLines === 0 || this.#queuedChars > QUEUED_CHARS_MAX / 2) return;
    const lines = this.#droppedLines === 1 ? "1 line was" : `${this.#droppedLines} lines were`;
    this.#reportedLines = this.#droppedLines;
    this.#droppedLines = 0;
    this.#enqueue(`… ${lines} lost here: ${this.#name} was blocked or full\n`);
  }

  #setStopped(isStopped: boolean): void {
    this.#isStopped = isStopped;
    if (this.#queuedChars > QUEUED_CHARS_MAX / 2 && !isStopped) return;
    this.#room?.resolve();
    this.#room = undefined;
  }

  #close(): void {
    this.#isClosed = true;
    this.#queue = [];
    this.#queuedChars = 0;
    this.#droppedLines = 0;
  }
}
