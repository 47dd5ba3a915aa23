/**
 * The connections of those who look, bounded in number and in pace: whatever they send, the run or the worker has its
 * time for itself. Who has not shown that they may look makes way for others.
 */

import { hostOf } from "../link/connection_limit.ts";
import { type Clock, delay } from "../runtime/clock.ts";
import { type HttpHandler, HttpServer } from "../runtime/http_server.ts";
import type { ByteStream, StreamListener } from "../runtime/ports.ts";
import { openFilesMax } from "../system/open_files.ts";
import { thisSystem } from "../runtime/system_text.ts";
import { Pace } from "./pace.ts";

/**
 * A browser opens up to six connections, Prometheus one. The others are time: in a flood, each new connection closes an
 * old one, and a browser needs a second to show that it may look.
 */
const CONNECTIONS_MAX = 192;

/** How much of the files that this process may open they take at most: a run or a worker needs the others. */
const OPEN_FILES_PART = 1 / 8;

/**
 * New connections: several browsers at once, and then so many each second. With TLS, each costs a millisecond. With
 * fewer, a browser waits long behind the connections of a flood in the queue of the system; with twice as many, a flood
 * takes half of an honest run's rate.
 */
const ACCEPTED = { burst: 64, perSecond: 50 };

/** Requests on one connection: the files of the page, and then more than a page asks for. */
const ANSWERED = { burst: 20, perSecond: 4 };

/** What they need. */
export interface ConnectionParts {
  readonly clock: Clock;
  readonly handle: HttpHandler;
  /** Lets a connection prove who is at its other end; it rejects if it is to be closed. */
  admit(stream: ByteStream): Promise<ByteStream>;
}

interface Connection {
  readonly pace: Pace;
  isAllowed: boolean;
}

/** Accepts connections, and answers their requests. */
export class Connections {
  readonly #parts: ConnectionParts;
  readonly #listener: StreamListener;
  readonly #server: HttpServer;
  /** In the order in which they came. The streams are those that were accepted, before they have proven anything. */
  readonly #open = new Map<ByteStream, Connection>();
  /** By the streams of requests. */
  readonly #proven = new Map<ByteStream, Connection>();
  readonly #connectionsMax = Math.min(CONNECTIONS_MAX, openFilesMax(thisSystem) * OPEN_FILES_PART);

  private constructor(parts: ConnectionParts, listener: StreamListener, server: HttpServer) {
    this.#parts = parts;
    this.#listener = listener;
    this.#server = server;
    void this.#acceptAll();
  }

  static async serve(parts: ConnectionParts, listener: StreamListener): Promise<Connections> {
    const { clock } = parts;
    const handle: HttpHandler = async (request) => {
      const { pace } = connections.#proven.get(request.stream) as Connection;
      const waitMs = pace.take(clock.now());
      if (waitMs > 0) await delay(clock, waitMs);
      return await parts.handle(request);
    };
    const connections: Connections = new Connections(
      parts,
      listener,
      await HttpServer.create(handle, clock),
    );
    return connections;
  }

  /** A connection has shown that it may look. */
  onAllowed(stream: ByteStream): void {
    const connection = this.#proven.get(stream);
    if (connection) connection.isAllowed = true;
  }

  close(): void {
    this.#listener.close();
    for (const stream of this.#open.keys()) stream.close();
    this.#server.close();
  }

  async #acceptAll(): Promise<void> {
    const { clock } = this.#parts;
    const pace = new Pace(ACCEPTED, clock.now());
    for (;;) {
      const waitMs = pace.take(clock.now());
      if (waitMs > 0) await delay(clock, waitMs); // the system keeps some connections meanwhile, and refuses others
      const stream = await this.#next();
      if (!stream) return;
      stream.unref?.();
      void this.#serve(stream);
    }
  }

  /** Accepting fails where the process may open no more files: then nobody new can look, and the run goes on. */
  #next(): Promise<ByteStream | null> {
    return this.#listener.accept().catch(() => null);
  }

  async #serve(stream: ByteStream): Promise<void> {
    const connection = { pace: new Pace(ANSWERED, this.#parts.clock.now()), isAllowed: false };
    this.#open.set(stream, connection);
    if (this.#open.size > this.#connectionsMax) this.#dropOne();
    let proven: ByteStream | undefined;
    try {
      proven = await this.#parts.admit(stream);
      this.#proven.set(proven, connection);
      await this.#server.serve(proven);
    } catch {
      stream.close(); // it has proven nothing, which happens to every port that others can reach
    } finally {
      this.#open.delete(stream);
      if (proven) this.#proven.delete(proven);
    }
  }

  /**
   * The oldest one that has not shown that it may look, of the host that has most of those: a flood from one host closes
   * no browser of another. There is one at least, the newest.
   */
  #dropOne(): void {
    const unknown = [...this.#open].filter(([, { isAllowed }]) => !isAllowed);
    const byHost = Map.groupBy(unknown, ([stream]) => hostOf(stream));
    const [most = []] = [...byHost.values()].sort((a, b) => b.length - a.length);
    const [stream] = most[0] ?? [];
    if (!stream) return;
    this.#open.delete(stream);
    stream.close();
  }
}
