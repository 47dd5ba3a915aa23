/** A simulated network: machines that dial each other, and are up or down. Between connections nothing is in order. */

import { formatAddress } from "../../link/address.ts";
import type { Address, ByteStream, StreamListener } from "../../runtime/ports.ts";
import type { MemoryDisk } from "../lib/memory_files.ts";
import { Connection, type Distance } from "./connection.ts";
import type { SimulatedProcess } from "./process.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** Changes what one end of a connection reads and writes; for peers that lie, and for old versions. */
export type Meddle = (stream: ByteStream) => ByteStream;

/** All machines and connections. */
export class Network {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #hosts = new Map<string, Host>();
  readonly #connections = new Set<Connection>();
  #lastPort = 1_000;

  constructor(timeline: Timeline, random: Random) {
    this.#timeline = timeline;
    this.#random = random;
  }

  /** A machine. */
  host(name: string, distance: Distance, disk: MemoryDisk, meddle?: Meddle): Host {
    const host = new Host(this, name, distance, disk, meddle);
    this.#hosts.set(name, host);
    return host;
  }

  /** The open connections of a machine. */
  connectionsOf(host: Host): Connection[] {
    return [...this.#connections].filter(({ hosts }) => hosts.includes(host));
  }

  find(name: string): Host | undefined {
    return this.#hosts.get(name);
  }

  nextPort(): number {
    return ++this.#lastPort;
  }

  connect(from: SimulatedProcess, to: SimulatedProcess): Connection {
    const connection = new Connection(this.#timeline, this.#random, from, to, () => {
      this.#connections.delete(connection);
    });
    this.#connections.add(connection);
    for (const host of connection.hosts) host.onConnected(connection);
    return connection;
  }

  later(ms: number, action: () => void): void {
    this.#timeline.after(ms, action);
  }
}

interface Listening {
  readonly process: SimulatedProcess;
  readonly listener: Listener;
}

/** A machine. */
export class Host {
  readonly #network: Network;
  readonly #listening = new Map<string, Listening>();
  /** What happens to its next connections, one each. */
  readonly #mishaps: ((connection: Connection) => void)[] = [];
  /** A machine without power answers nobody. */
  isUp = true;

  constructor(
    network: Network,
    readonly name: string,
    readonly distance: Distance,
    readonly disk: MemoryDisk,
    readonly meddle: Meddle = (stream) => stream,
  ) {
    this.#network = network;
  }

  dial(from: SimulatedProcess, address: Address, timeoutMs: number): Promise<ByteStream> {
    const host = address.kind === "tcp" ? this.#network.find(address.host) : undefined;
    return new Promise((resolve, reject) => {
      const fail = (reason: string) => from.whenRunning(() => reject(new Error(reason)));
      if (!host?.isUp) return this.#network.later(timeoutMs, () => fail("no answer"));
      this.#network.later(this.distance.latencyMs + host.distance.latencyMs, () => {
        const there = host.#listening.get(formatAddress(address));
        if (!from.isAlive || !there) return fail("connection refused");
        const { near, far } = this.#network.connect(from, there.process);
        there.listener.push(host.meddle(far));
        from.whenRunning(() => resolve(this.meddle(near)));
      });
    });
  }

  /** Something will happen to its next connections. */
  expect(mishap: (connection: Connection) => void, connections: number): void {
    for (let count = 0; count < connections; count++) this.#mishaps.push(mishap);
  }

  onConnected(connection: Connection): void {
    this.#mishaps.shift()?.(connection);
  }

  /** Its next connections are as usual. */
  calm(): void {
    this.#mishaps.length = 0;
  }

  /** A process of this machine connects to a Unix socket. `stream` is the end for the one who listens. */
  connectLocal(path: string, stream: ByteStream): void {
    this.#listening.get(formatAddress({ kind: "unix", path }))?.listener.push(stream);
  }

  listen(process: SimulatedProcess, address: Address): StreamListener {
    const isAny = address.kind === "tcp" && address.port === 0;
    const own = isAny ? { ...address, port: this.#network.nextPort() } : address;
    const name = formatAddress(own);
    if (this.#listening.has(name)) throw new Error("address already in use");
    const forget = () => void this.#listening.delete(name);
    const keep = process.onKilled(forget);
    const listener = new Listener(process, own, () => {
      keep();
      forget();
    });
    this.#listening.set(name, { process, listener });
    return listener;
  }
}

class Listener implements StreamListener {
  readonly #process: SimulatedProcess;
  readonly #streams: ByteStream[] = [];
  #accepting: ((stream: ByteStream | null) => void) | undefined;
  #isClosed = false;

  constructor(process: SimulatedProcess, readonly address: Address, readonly onClosed: () => void) {
    this.#process = process;
  }

  push(stream: ByteStream): void {
    this.#process.whenRunning(() => {
      const accept = this.#accepting;
      this.#accepting = undefined;
      if (accept) accept(stream);
      else this.#streams.push(stream);
    });
  }

  accept(): Promise<ByteStream | null> {
    const stream = this.#streams.shift();
    if (stream || this.#isClosed) return Promise.resolve(stream ?? null);
    return new Promise((resolve) => this.#accepting = resolve);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.onClosed();
    this.#accepting?.(null);
  }
}
