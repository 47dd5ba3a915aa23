/**
 * The pace of messages other than jobs, and of jobs that are refused, over all connections of a worker. Other jobs are
 * bounded by those that are not answered; a ping, a message of an unknown type or a job without a core is answered at
 * once, so that nothing else bounds a flood of them.
 */

import { MessageType } from "../../protocol/mod.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";

/**
 * Messages in a second, of all connections, which take less than a tenth of a CPU. An honest controller sends
 * a few. Those that cancel a job do not count: there are no more of them than jobs.
 */
const MESSAGES_PER_SECOND_MAX = 8_000;

/** Messages that need not wait after a quiet time, so that an honest burst is handled at once. */
const BURST_MAX = 2_048;

/**
 * Messages that a connection may handle at once: a batch. So few that 256 connections which flood the worker leave a
 * batch to an honest one several times a second.
 */
const BATCH_MESSAGES = 16;

/** A message counts once more for this many bytes: to read a large one and to drop it takes time, too. */
const BYTES_PER_MESSAGE = 32 * 1024;

/**
 * This many bytes of a message that is refused take a batch, as a message does for which files are read: nobody needs
 * them. All connections together are read at 32 MB in a second.
 */
const DROPPED_BYTES = 64 * 1024;

/** Batches are granted this often while connections wait for one. */
const TICK_MS = 4;

/** Messages for which files are read, or a core is hashed and tried: each takes a whole batch. */
const COSTLY_TYPES: ReadonlySet<number> = new Set([
  MessageType.describe,
  MessageType.state,
  MessageType.core,
  MessageType.choose,
  MessageType.setup,
]);

/** Grants batches to connections, one after another. */
export class MessagePace {
  readonly #clock: Clock;
  readonly #waiting = new Map<object, PromiseWithResolvers<void>>();
  #tokens = BURST_MAX;
  #countedAtMs: number;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#countedAtMs = clock.now();
  }

  /**
   * Asks for a batch of `BATCH_MESSAGES` messages. Resolves when it is granted; `undefined` if it is granted at once.
   */
  nextBatch(connection: object): Promise<void> | undefined {
    // Jobs that are refused later ask again while their connection waits. It must not forget that it waits.
    const waiting = this.#waiting.get(connection);
    if (waiting) return waiting.promise;
    this.#count();
    if (this.#waiting.size === 0 && this.#take()) return undefined;
    const batch = Promise.withResolvers<void>();
    this.#waiting.set(connection, batch);
    this.#timer ??= this.#clock.after(TICK_MS, () => this.#onTick());
    return batch.promise;
  }

  /** The connection is closed: it takes no batch from others. */
  leave(connection: object): void {
    this.#waiting.get(connection)?.resolve();
    this.#waiting.delete(connection);
  }

  /** The worker ends. */
  close(): void {
    this.#timer?.stop();
    for (const connection of [...this.#waiting.keys()]) this.leave(connection);
  }

  #onTick(): void {
    this.#timer = undefined;
    this.#count();
    for (const [connection, batch] of this.#waiting) {
      if (!this.#take()) break;
      this.#waiting.delete(connection);
      batch.resolve();
    }
    if (this.#waiting.size > 0) this.#timer = this.#clock.after(TICK_MS, () => this.#onTick());
  }

  #count(): void {
    const nowMs = this.#clock.now();
    const more = (nowMs - this.#countedAtMs) / 1_000 * MESSAGES_PER_SECOND_MAX;
    this.#tokens = Math.min(BURST_MAX, this.#tokens + more);
    this.#countedAtMs = nowMs;
  }

  #take(): boolean {
    if (this.#tokens < BATCH_MESSAGES) return false;
    this.#tokens -= BATCH_MESSAGES;
    return true;
  }
}

/** The messages of one connection. */
export class PacedMessages {
  readonly #pace: MessagePace;
  readonly #hold: (until: Promise<void>) => void;
  #left = 0;
  #isClosed = false;
  #droppedBytes = 0;

  /** `hold` makes the connection handle nothing until a promise resolves. */
  constructor(pace: MessagePace, hold: (until: Promise<void>) => void) {
    this.#pace = pace;
    this.#hold = hold;
  }

  /** A message is handled that is not a job, with a payload of this many bytes. */
  onMessage(type: number, bytes = 0): void {
    if (type !== MessageType.cancel) {
      this.#spend(COSTLY_TYPES.has(type) ? BATCH_MESSAGES : 1, bytes);
    }
  }

  /** A message is answered with an error, or a cancel of no job. */
  onRefused(bytes = 0): void {
    this.#spend(1, bytes);
  }

  /** Bytes of a message are read that is refused. Nothing more is to be read until the result resolves. */
  onDropped(bytes: number): Promise<void> | undefined {
    this.#droppedBytes += bytes;
    const batches = Math.floor(this.#droppedBytes / DROPPED_BYTES);
    this.#droppedBytes -= batches * DROPPED_BYTES;
    return batches > 0 ? this.#wait(batches * BATCH_MESSAGES, 0) : undefined;
  }

  #spend(messages: number, bytes: number): void {
    const batches = this.#wait(messages, bytes);
    if (batches) this.#hold(batches);
  }

  #wait(messages: number, bytes: number): Promise<void> | undefined {
    this.#left -= messages + Math.floor(bytes / BYTES_PER_MESSAGE);
    if (this.#left >= 0) return undefined;
    const batches = Math.ceil(-this.#left / BATCH_MESSAGES);
    this.#left += batches * BATCH_MESSAGES;
    const batch = this.#pace.nextBatch(this);
    return batch || batches > 1 ? this.#batches(batch, batches - 1) : undefined;
  }

  async #batches(first: Promise<void> | undefined, more: number): Promise<void> {
    await first;
    for (let left = more; left > 0 && !this.#isClosed; left--) await this.#pace.nextBatch(this);
  }

  /** The connection is closed. */
  close(): void {
    this.#isClosed = true;
    this.#pace.leave(this);
  }
}
