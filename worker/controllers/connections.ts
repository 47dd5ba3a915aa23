/** The connections of a worker: how many there may be, which of them go first, and what they hold together. */

import { ConnectionLimit, type ConnectionLimits, hostOfPeer } from "../../link/connection_limit.ts";
import { ReadRounds } from "../../link/read_rounds.ts";
import { Turns } from "../../link/turns.ts";
import type { Clock } from "../../runtime/clock.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import { LineLimit } from "../../system/line_limit.ts";
import type { Log } from "../../system/log.ts";
import { Connection } from "./connection.ts";
import type { ConnectionContext } from "./connection_context.ts";
import { answerWhileDraining } from "./draining_answers.ts";
import { HeldBytes } from "./held_bytes.ts";
import { MessagePace } from "./message_pace.ts";

/** What the connections themselves bring into their context. */
type OwnContext = "held" | "pace" | "turns" | "rounds" | "largeReadBytesMax";

/** All connections of a worker. */
export class Connections implements Iterable<Connection> {
  readonly #log: Log;
  readonly #lines: LineLimit;
  readonly #limit: ConnectionLimit;
  /** With their hosts. */
  readonly #open = new Map<Connection, string>();
  readonly #shared: Pick<ConnectionContext, OwnContext>;

  constructor(clock: Clock, log: Log, limits: ConnectionLimits) {
    this.#log = log;
    this.#lines = new LineLimit(clock);
    this.#limit = new ConnectionLimit(clock, limits, {
      makeRoom: (host) => this.#makeRoom(host),
      onRefused: ({ peer }, reason) => this.#warn(peer, `refused ${peer}: ${reason}`),
    });
    const held = new HeldBytes(() => [...this.#open.keys()].map(({ watch }) => watch));
    this.#shared = {
      held,
      largeReadBytesMax: () => held.largeReadBytesMax,
      pace: new MessagePace(clock),
      turns: new Turns(clock),
      rounds: new ReadRounds(clock, () => this.#open.size),
    };
  }

  /** How many controllers are connected. */
  get count(): number {
    return this.#open.size;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#open.keys();
  }

  /** Counts a connection that was just accepted; closes it and resolves to false if there are too many. */
  admit(stream: ByteStream): Promise<boolean> {
    return this.#limit.admit(stream);
  }

  /** Serves a controller until the connection is closed. */
  async serve(
    stream: ByteStream,
    context: Omit<ConnectionContext, OwnContext>,
    isDraining: boolean,
  ): Promise<void> {
    if (isDraining) return await answerWhileDraining(context, stream);
    const connection = new Connection({ ...context, ...this.#shared }, stream);
    const { peer } = connection;
    this.#open.set(connection, hostOfPeer(connection));
    this.#info(peer, `controller ${peer} connected`);
    connection.start();
    const reason = await connection.closed;
    this.#open.delete(connection);
    this.#info(peer, `controller ${peer} disconnected${reason ? `: ${reasonOf(reason)}` : ""}`);
  }

  onTick(nowMs: number): void {
    for (const connection of this) connection.check(nowMs);
    this.#shared.held.poll();
  }

  close(): void {
    this.#shared.pace.close();
    for (const connection of this) connection.close();
  }

  /** Closes the connection that has been idle for longest: those first that have never sent a message. */
  #makeRoom(host: string | undefined): boolean {
    let idlest: Connection | undefined;
    for (const [connection, itsHost] of this.#open) {
      const { mayMakeWay, idleMs } = connection.watch;
      if (!mayMakeWay || (host !== undefined && itsHost !== host)) continue;
      if (!idlest || idleMs > idlest.watch.idleMs) idlest = connection;
    }
    idlest?.close(new Error("it was idle, and another one needs its place"));
    return idlest !== undefined;
  }

  #info(peer: string, line: string): void {
    this.#lines.write(hostOfPeer({ peer }), line, (text) => this.#log.info(text));
  }

  #warn(peer: string, line: string): void {
    this.#lines.write(hostOfPeer({ peer }), line, (text) => this.#log.warn(text));
  }
}
