/**
 * Accepts the connections of a page's viewers, and limits their number and their pace, so that nothing that they send
 * slows down the run or the worker. A viewer that has not proven that it may look loses its connection to a new one.
 */

import { delay } from "../runtime/clock.ts";
import { type HttpHandler, HttpServer, type OnFailed } from "../runtime/network/http_server.ts";
import type { ByteStream, StreamListener } from "../runtime/ports.ts";
import { openFilesMax } from "../system/open_files.ts";
import { thisSystem } from "../runtime/proc_files.ts";
import { Groups } from "../system/groups.ts";
import { Pace } from "./pace.ts";
import {
  PendingConnections,
  type PendingParts,
  type ReadyConnection,
} from "./pending_connections.ts";

/**
 * Connections that are served. A browser opens up to six, Prometheus one. The others are time: in a flood of requests,
 * each new connection closes an old one, and a browser needs a second to show that it may look.
 */
const SERVED_MAX = 192;

/** Connections that have not sent their first message. Each takes a file and some kilobytes. */
const PENDING_MAX = 1024;

/** How much of the files that this process may open each of both takes at most: a run or a worker needs the others. */
const OPEN_FILES_PART = 1 / 16;

/**
 * New connections that are accepted between two pauses. In a second, as many are accepted as may be pending: so each has
 * a second for its first message before it makes way for a new one. What is late is not made up for, so that a process
 * that has little of its machine accepts fewer.
 */
const ACCEPTED_AT_ONCE = 64;

/**
 * Connections that are served, from their first message on: several browsers at once, and then so many each second. With
 * TLS, each costs a millisecond or two. With twice as many, a flood takes half of an honest run's rate.
 */
const SERVED = { burst: 64, perSecond: 50 };

/** Requests on one connection: the files of the page, and then more than a page asks for. */
const ANSWERED = { burst: 20, perSecond: 4 };

/** What they need. */
export interface ConnectionParts extends PendingParts {
  readonly handle: HttpHandler;
  readonly onFailed: OnFailed;
  /** Lets a connection prove who is at its other end; it rejects if it is to be closed. `head`: what was read of it. */
  admit(stream: ByteStream, head: Uint8Array<ArrayBuffer>): Promise<ByteStream>;
}

interface ProvenConnection {
  readonly accepted: ByteStream;
  readonly pace: Pace;
}

/** Accepts connections, and answers their requests. */
export class Connections {
  readonly #parts: ConnectionParts;
  readonly #listener: StreamListener;
  readonly #server: HttpServer;
  readonly #pending: PendingConnections;
  readonly #pendingMax = atMost(PENDING_MAX);
  readonly #servedMax = atMost(SERVED_MAX);
  /** Those that are served: as they were accepted, before they have proven anything. */
  readonly #served = new Set<ByteStream>();
  /** Those of them that have not shown that they may look. */
  readonly #unknown = new Groups<ByteStream>();
  /** By the streams of requests. */
  readonly #proven = new Map<ByteStream, ProvenConnection>();

  private constructor(parts: ConnectionParts, listener: StreamListener, server: HttpServer) {
    this.#parts = parts;
    this.#listener = listener;
    this.#server = server;
    this.#pending = new PendingConnections(parts, this.#pendingMax);
    void this.#acceptAll();
    void this.#serveAll();
  }

  static async serve(parts: ConnectionParts, listener: StreamListener): Promise<Connections> {
    const { clock, onFailed } = parts;
    const handle: HttpHandler = async (request) => {
      const { pace } = connections.#proven.get(request.stream) as ProvenConnection;
      const waitMs = pace.take(clock.now());
      if (waitMs > 0) await delay(clock, waitMs);
      return await parts.handle(request);
    };
    const connections: Connections = new Connections(
      parts,
      listener,
      await HttpServer.create(handle, clock, onFailed),
    );
    return connections;
  }

  /** A connection has shown that it may look. */
  onAllowed(stream: ByteStream): void {
    const proven = this.#proven.get(stream);
    if (proven) this.#unknown.delete(proven.accepted);
  }

  close(): void {
    this.#listener.close();
    this.#pending.close();
    for (const stream of this.#served) stream.close();
    this.#server.close();
  }

  async #acceptAll(): Promise<void> {
    const { clock } = this.#parts;
    const pauseMs = ACCEPTED_AT_ONCE / this.#pendingMax * 1000;
    for (let accepted = 1;; accepted += 1) {
      const stream = await this.#next();
      if (!stream) return;
      stream.unref?.();
      this.#pending.add(stream);
      // The system keeps some connections meanwhile, and refuses others.
      if (accepted % ACCEPTED_AT_ONCE === 0) await delay(clock, pauseMs);
    }
  }

  /** Accepting fails where the process may open no more files: then nobody new can look, and the run goes on. */
  #next(): Promise<ByteStream | null> {
    return this.#listener.accept().catch(() => null);
  }

  async #serveAll(): Promise<void> {
    const { clock } = this.#parts;
    const pace = new Pace(SERVED, clock.now());
    for (;;) {
      const waitMs = pace.take(clock.now());
      if (waitMs > 0) await delay(clock, waitMs);
      const ready = await this.#pending.next();
      if (!ready) return;
      void this.#serve(ready);
    }
  }

  async #serve({ stream, group, head }: ReadyConnection): Promise<void> {
    // One that has not shown that it may look makes way: the oldest one of the group that has most of those.
    this.#unknown.add(group, stream);
    if (this.#served.size >= this.#servedMax) this.#unknown.takeOfLargest()?.close();
    this.#served.add(stream);
    let proven: ByteStream | undefined;
    try {
      proven = await this.#parts.admit(stream, head);
      const pace = new Pace(ANSWERED, this.#parts.clock.now());
      this.#proven.set(proven, { accepted: stream, pace });
      await this.#server.serve(proven);
    } catch {
      stream.close(); // it has proven nothing, which happens to every port that others can reach
    } finally {
      this.#served.delete(stream);
      this.#unknown.delete(stream);
      if (proven) this.#proven.delete(proven);
    }
  }
}

/** As many, and fewer where this process may open few files. */
function atMost(connections: number): number {
  return Math.min(connections, Math.floor(openFilesMax(thisSystem) * OPEN_FILES_PART));
}
