/**
 * A simulated connection. Within it bytes keep their order, as TCP guarantees. It may stall, break, or fall silent
 * without a word.
 */

import type { ByteStream } from "../../runtime/ports.ts";
import type { Host } from "./network.ts";
import type { SimulatedProcess } from "./process.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** What one direction of a connection holds, in flight and unread. */
const CAPACITY_BYTES = 256 * 1024;

/** Why the peer can no longer be written to. */
const RESET = "connection reset";

/** How far a machine is from all others. */
export interface Distance {
  /** The time that bytes travel at least. */
  readonly latencyMs: number;
  /** The part of it that they may take longer. */
  readonly jitter: number;
}

function travelTime({ latencyMs, jitter }: Distance, random: Random): number {
  return latencyMs * (1 + random.between(0, jitter));
}

/** A connection between two processes. */
export class Connection {
  readonly hosts: readonly [Host, Host];
  readonly near: End;
  readonly far: End;
  readonly #timeline: Timeline;
  readonly #lanes: readonly [Lane, Lane];
  readonly #onGone: () => void;
  readonly #release: (() => void)[];

  constructor(
    timeline: Timeline,
    random: Random,
    from: SimulatedProcess,
    to: SimulatedProcess,
    onGone: () => void,
  ) {
    this.#timeline = timeline;
    this.hosts = [from.host, to.host];
    const distances = [from.host.distance, to.host.distance];
    const travelMs = () =>
      distances.reduce((sum, distance) => sum + travelTime(distance, random), 0);
    const there = new Lane(timeline, travelMs, from, to);
    const back = new Lane(timeline, travelMs, to, from);
    this.#lanes = [there, back];
    const ended = () => this.#onEnded();
    this.near = new End(to.host.name, back, there, ended);
    this.far = new End(from.host.name, there, back, ended);
    this.#onGone = onGone;
    // The system closes the sockets of a process that is killed.
    this.#release = [
      from.onKilled(() => this.near.close()),
      to.onKilled(() => this.far.close()),
    ];
  }

  /** Delivers nothing for a while. */
  stall(ms: number): void {
    for (const lane of this.#lanes) lane.stall(ms);
  }

  /** Both ends learn at once that it is broken. */
  reset(): void {
    for (const lane of this.#lanes) lane.reset();
    this.#onEnded();
  }

  /** It delivers nothing more, and nobody is told until the system notices, after `noticedMs`. */
  silence(noticedMs: number): void {
    for (const lane of this.#lanes) lane.silence();
    this.#timeline.after(noticedMs, () => this.reset());
  }

  #onEnded(): void {
    if (!this.#lanes.every(({ isOver }) => isOver)) return;
    for (const release of this.#release) release();
    this.#onGone();
  }
}

/** One end of a connection. */
class End implements ByteStream {
  readonly #incoming: Lane;
  readonly #outgoing: Lane;
  readonly #onEnded: () => void;

  constructor(readonly peer: string, incoming: Lane, outgoing: Lane, onEnded: () => void) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#onEnded = onEnded;
  }

  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    return this.#incoming.read(into);
  }

  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#outgoing.write(bytes);
  }

  endWrites(): Promise<void> {
    this.#outgoing.end();
    this.#onEnded();
    return Promise.resolve();
  }

  close(): void {
    // A system that discards unread bytes resets the connection: the last bytes that were sent may get lost.
    if (this.#incoming.hasUnread) this.#outgoing.reset();
    else this.#outgoing.end();
    this.#incoming.abandon();
    this.#onEnded();
  }
}

/** One direction of a connection. */
class Lane {
  readonly #timeline: Timeline;
  readonly #travelMs: () => number;
  readonly #writer: SimulatedProcess;
  readonly #reader: SimulatedProcess;
  /** What has arrived. */
  readonly #chunks: Uint8Array[] = [];
  /** Bytes that are on their way, and those that have arrived. */
  #heldBytes = 0;
  /** Nothing arrives before. */
  #arrivesAtMs = 0;
  #isSilent = false;
  #hasEnded = false;
  #endArrived = false;
  #isReset = false;
  #isAbandoned = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  constructor(
    timeline: Timeline,
    travelMs: () => number,
    writer: SimulatedProcess,
    reader: SimulatedProcess,
  ) {
    this.#timeline = timeline;
    this.#travelMs = travelMs;
    this.#writer = writer;
    this.#reader = reader;
  }

  get hasUnread(): boolean {
    return this.#chunks.length > 0;
  }

  /** Whether nothing can happen on it any more. */
  get isOver(): boolean {
    return this.#isReset || this.#isAbandoned || this.#endArrived;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength;) {
      while (this.#heldBytes >= CAPACITY_BYTES && !this.#isReset && !this.#isAbandoned) {
        await new Promise<void>((resolve) => this.#wakeWriter = resolve);
      }
      if (this.#isReset || this.#isAbandoned) throw new Error(RESET);
      if (this.#hasEnded) throw new Error("nothing more can be written");
      const part = bytes.slice(at, at + CAPACITY_BYTES - this.#heldBytes);
      at += part.byteLength;
      this.#heldBytes += part.byteLength;
      this.#arrives(() => this.#chunks.push(part));
    }
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.#chunks.length > 0 && !this.#isAbandoned) return this.#take(into);
      if (this.#isReset) throw new Error(RESET);
      if (this.#endArrived || this.#isAbandoned) return null;
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
    }
  }

  /** The writer writes no more. */
  end(): void {
    if (this.#hasEnded || this.#isReset) return;
    this.#hasEnded = true;
    this.#arrives(() => this.#endArrived = true);
  }

  /** The reader reads no more. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#chunks.length = 0;
    this.#wake();
  }

  /** What is on its way gets lost, and both ends are told. */
  reset(): void {
    this.#isReset = true;
    this.#wake();
  }

  stall(ms: number): void {
    this.#arrivesAtMs = Math.max(this.#arrivesAtMs, this.#timeline.nowMs + ms);
  }

  silence(): void {
    this.#isSilent = true;
  }

  #arrives(act: () => void): void {
    this.#arrivesAtMs = Math.max(this.#arrivesAtMs, this.#timeline.nowMs + this.#travelMs());
    this.#timeline.after(this.#arrivesAtMs - this.#timeline.nowMs, () => {
      if (this.#isSilent || this.#isReset || this.#isAbandoned) return;
      act();
      this.#wake();
    });
  }

  #take(into: Uint8Array): number {
    const [chunk = into.subarray(0, 0)] = this.#chunks;
    const part = chunk.subarray(0, into.byteLength);
    into.set(part);
    if (part.byteLength < chunk.byteLength) this.#chunks[0] = chunk.subarray(part.byteLength);
    else this.#chunks.shift();
    this.#heldBytes -= part.byteLength;
    this.#resumeWriter();
    return part.byteLength;
  }

  #resumeWriter(): void {
    const wake = this.#wakeWriter;
    this.#wakeWriter = undefined;
    if (wake) this.#writer.whenRunning(wake);
  }

  #wake(): void {
    this.#resumeWriter();
    const wake = this.#wakeReader;
    this.#wakeReader = undefined;
    if (wake) this.#reader.whenRunning(wake);
  }
}
