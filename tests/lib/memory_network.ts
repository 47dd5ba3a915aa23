/**
 * A network in memory, in virtual time: what is written arrives at once, unless the test makes it slow.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { MemoryNetwork } from "./memory_network.ts";
 *
 * const network = new MemoryNetwork();
 * const { runtime } = network;
 * const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 7433 });
 * const near = await runtime.dial(listener.address, 1_000);
 * const far = await listener.accept();
 * await near.write(Uint8Array.of(1, 2, 3));
 * assert.equal(await far?.read(new Uint8Array(10)), 3);
 * ```
 *
 * A direction holds a bounded number of bytes. Each end can say that it writes no more, and then still read.
 */

import { formatAddress } from "../../link/address.ts";
import type { Clock, Random } from "../../runtime/clock.ts";
import type { Address, ByteStream, Runtime, StreamListener } from "../../runtime/ports.ts";
import { randomSource } from "../fixtures/peers/frames.ts";
import { MemoryDisk } from "./memory_files.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** What one direction of a connection holds, as the systems of both ends would. */
const BUFFERED_BYTES_MAX = 256 * 1024;

/** A slow connection moves its bytes this often. */
const SLOW_STEP_MS = 50;

const HOST = "127.0.0.1";

/** The first free ports, for listeners and for connections. */
const LISTENING_PORT_FIRST = 20_000;
const DIALING_PORT_FIRST = 40_000;

/** A network in memory. */
export class MemoryNetwork {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly disk = new MemoryDisk();
  /** While it is down, no connection can be opened. Those that are open stay. */
  isDown = false;
  readonly #listeners = new Map<string, MemoryListener>();
  readonly #rates = new Map<number, number>();
  readonly #cuts = new Map<number, number>();
  #lastListeningPort = LISTENING_PORT_FIRST;
  #lastDialingPort = DIALING_PORT_FIRST;

  constructor(seed = 1) {
    this.random = seededRandom(seed);
  }

  /** A runtime that can only use this network. */
  get runtime(): Runtime {
    const lacks = (what: string) => () => {
      throw new Error(`A runtime in memory has no ${what}`);
    };
    return {
      name: "memory",
      clock: this.clock,
      random: this.random,
      files: this.disk.files,
      dial: (address) => this.dial(address),
      listen: (address) => this.listen(address),
      stdio: lacks("stdio"),
      writeStderr: lacks("stderr"),
      spawn: lacks("processes"),
      selfCommand: lacks("program"),
      openCore: lacks("compute cores"),
      openCoreProcess: lacks("compute cores"),
      openSlotChannel: lacks("slots"),
    };
  }

  /** Opens a connection, or rejects at once. */
  dial(address: Address): Promise<ByteStream> {
    const listener = this.#listeners.get(formatAddress(address));
    if (this.isDown) return Promise.reject(new Error("no route to that host"));
    if (!listener) return Promise.reject(new Error("connection refused"));
    const port = address.kind === "tcp" ? address.port : 0;
    const bytesPerMs = this.#rates.get(port);
    const there = new Pipe(this.clock, bytesPerMs);
    const back = new Pipe(this.clock, bytesPerMs);
    const near = new MemoryStream(formatAddress(address), back, there);
    const far = new MemoryStream(`${HOST}:${++this.#lastDialingPort}`, there, back);
    if (this.#takeCut(port)) far.close();
    else listener.push(far);
    return Promise.resolve(near);
  }

  /** Accepts connections; port 0 picks a free one. */
  listen(address: Address): StreamListener {
    const isAny = address.kind === "tcp" && address.port === 0;
    const own: Address = isAny ? { ...address, port: ++this.#lastListeningPort } : address;
    const name = formatAddress(own);
    if (this.#listeners.has(name)) throw new Error("address already in use");
    const listener = new MemoryListener(own, () => this.#listeners.delete(name));
    this.#listeners.set(name, listener);
    return listener;
  }

  /** Limits later connections to a port to this many bytes per millisecond in each direction. */
  limitRate(port: number, bytesPerMs: number): void {
    this.#rates.set(port, bytesPerMs);
  }

  /** The next `count` connections to a port are accepted and closed, as by a tunnel without a server behind it. */
  cutNext(port: number, count: number): void {
    this.#cuts.set(port, count);
  }

  #takeCut(port: number): boolean {
    const left = this.#cuts.get(port) ?? 0;
    if (left > 0) this.#cuts.set(port, left - 1);
    return left > 0;
  }
}

/** Randomness that depends only on a seed. */
export function seededRandom(seed: number): Random {
  const fraction = randomSource(seed);
  const byte = () => Math.floor(fraction() * 256).toString(16).padStart(2, "0");
  return { fraction, hex: (bytes) => Array.from({ length: bytes }, byte).join("") };
}

class MemoryListener implements StreamListener {
  readonly #streams: ByteStream[] = [];
  #accepting: ((stream: ByteStream | null) => void) | undefined;
  #isClosed = false;

  constructor(readonly address: Address, readonly onClosed: () => void) {}

  push(stream: ByteStream): void {
    if (!this.#accepting) return void this.#streams.push(stream);
    this.#accepting(stream);
    this.#accepting = undefined;
  }

  accept(): Promise<ByteStream | null> {
    const stream = this.#streams.shift();
    if (stream || this.#isClosed) return Promise.resolve(stream ?? null);
    return new Promise((resolve) => this.#accepting = resolve);
  }

  close(): void {
    this.#isClosed = true;
    this.onClosed();
    for (const stream of this.#streams) stream.close();
    this.#accepting?.(null);
  }
}

/** One end of a connection. */
class MemoryStream implements ByteStream {
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;

  constructor(readonly peer: string, incoming: Pipe, outgoing: Pipe) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    return this.#incoming.read(into);
  }

  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#outgoing.write(bytes);
  }

  endWrites(): Promise<void> {
    this.#outgoing.end();
    return Promise.resolve();
  }

  close(): void {
    this.#outgoing.end();
    this.#incoming.close();
  }
}

/** One direction of a connection. */
class Pipe {
  readonly #clock: Clock;
  readonly #bytesPerMs: number;
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  /** Nothing can be read before. */
  #nextReadMs = 0;
  #hasEnded = false;
  #isClosed = false;
  /** Wakes the waiting reader and writer, of which there is at most one each. */
  #waiting: (() => void)[] = [];

  constructor(clock: Clock, bytesPerMs = Infinity) {
    this.#clock = clock;
    this.#bytesPerMs = bytesPerMs;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength;) {
      if (this.#isClosed) throw new Error("connection reset");
      if (this.#hasEnded) throw new Error("nothing more can be written");
      const part = bytes.slice(at, at + BUFFERED_BYTES_MAX - this.#bytes);
      if (part.byteLength === 0) await this.#change();
      else this.#push(part);
      at += part.byteLength;
    }
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (!this.#isClosed) {
      const waitMs = this.#nextReadMs - this.#clock.now();
      if (this.#bytes > 0 && waitMs <= 0) return this.#take(into);
      if (this.#bytes === 0 && this.#hasEnded) return null;
      if (this.#bytes > 0) this.#clock.after(waitMs, () => this.#changed());
      await this.#change();
    }
    return null;
  }

  /** The writer writes no more. */
  end(): void {
    this.#hasEnded = true;
    this.#changed();
  }

  /** The reader has closed its end: pending bytes are lost, and the writer gets an error. */
  close(): void {
    this.#isClosed = true;
    this.#chunks.length = 0;
    this.#bytes = 0;
    this.#changed();
  }

  #push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
    this.#changed();
  }

  #take(into: Uint8Array): number {
    const limit = Math.min(into.byteLength, Math.max(1, this.#bytesPerMs * SLOW_STEP_MS));
    let taken = 0;
    for (let chunk = this.#chunks[0]; chunk && taken < limit; chunk = this.#chunks[0]) {
      const part = chunk.subarray(0, limit - taken);
      into.set(part, taken);
      taken += part.byteLength;
      if (part.byteLength === chunk.byteLength) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part.byteLength);
    }
    this.#bytes -= taken;
    this.#nextReadMs = this.#clock.now() + taken / this.#bytesPerMs;
    this.#changed();
    return taken;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
