/**
 * Connections that have not sent their first message. They cost little, so there may be many: who opens hundreds and
 * sends half a request on each takes no place from those who ask.
 */

import { hostOfPeer } from "../link/connection_limit.ts";
import type { Clock } from "../runtime/clock.ts";
import type { ByteStream } from "../runtime/ports.ts";
import { type HasFirstMessage, readFirstMessage } from "./first_message.ts";
import { Groups } from "../system/groups.ts";

/** How long a first message may take. Browsers open connections for what they may need soon. */
const FIRST_MESSAGE_MS_MAX = 15_000;

/** A connection that has sent its first message. */
export interface ReadyConnection {
  readonly stream: ByteStream;
  /** Whom it competes with for its turn. */
  readonly group: string;
  /** What was read of it. */
  readonly head: Uint8Array<ArrayBuffer>;
}

/** What they need. */
export interface PendingParts {
  readonly clock: Clock;
  readonly isEnough: HasFirstMessage;
  /** Whom a connection competes with for its turn: groups have turns, however many connections they have. */
  groupOf(stream: ByteStream): string;
}

/** Reads first messages, and gives the connections in turn. */
export class PendingConnections {
  readonly #parts: PendingParts;
  readonly #connectionsMax: number;
  /** Those that have not sent it, by hosts. */
  readonly #silent = new Groups<ByteStream>();
  readonly #ready = new Groups<ReadyConnection>();
  #isClosed = false;
  #onReady = () => {};

  constructor(parts: PendingParts, connectionsMax: number) {
    this.#parts = parts;
    this.#connectionsMax = connectionsMax;
  }

  /**
   * Waits for the first message of a connection. If there are too many, one makes way. If most of them have not sent it,
   * that is the oldest of these; otherwise the newest of those that have, for the others have waited longer for their
   * turn. It is of the host or the group that has most of them.
   */
  add(stream: ByteStream): void {
    const isFull = this.#silent.size + this.#ready.size >= this.#connectionsMax;
    if (isFull && this.#silent.size >= this.#ready.size) this.#silent.takeOfLargest()?.close();
    else if (isFull) this.#ready.takeNewestOfLargest()?.stream.close();
    if (this.#isClosed) return stream.close();
    this.#silent.add(hostOfPeer(stream), stream);
    void this.#read(stream);
  }

  /** The next one whose turn it is. Resolves when there is one, to `null` when all are closed. */
  async next(): Promise<ReadyConnection | null> {
    while (this.#ready.size === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#onReady = resolve);
    }
    return this.#ready.takeInTurn() ?? null;
  }

  close(): void {
    this.#isClosed = true;
    for (const stream of this.#silent.takeAll()) stream.close();
    for (const { stream } of this.#ready.takeAll()) stream.close();
    this.#onReady();
  }

  async #read(stream: ByteStream): Promise<void> {
    const { clock, isEnough, groupOf } = this.#parts;
    const timer = clock.after(FIRST_MESSAGE_MS_MAX, () => stream.close());
    const head = await readFirstMessage(stream, isEnough).catch(() => null); // it is broken, and closed
    timer.stop();
    const isWaitedFor = this.#silent.delete(stream);
    if (head === null || !isWaitedFor) return stream.close();
    const group = groupOf(stream);
    this.#ready.add(group, { stream, group, head });
    this.#onReady();
  }
}
