/**
 * Bounds how many connections a listener has open, from the moment when they are accepted, whatever else is done with
 * them before they are used.
 */

import { type Clock, delay } from "../runtime/clock.ts";
import type { ByteStream } from "../runtime/ports.ts";
import { Farewells } from "./farewells.ts";

/** How many connections may be open. */
export interface ConnectionLimits {
  readonly all: number;
  /** From one host. All processes of this machine are one host, whoever's they are. */
  readonly perHost: number;
  /**
   * How many are accepted in a second. Those beyond wait in the queue of the system: a connection costs some tenths of
   * a millisecond, which others would lack.
   */
  readonly acceptedPerSecond: number;
  /** How many are accepted at once after a quiet time. */
  readonly acceptedAtOnce: number;
}

/** What the limit needs from its owner. */
export interface ConnectionOwner {
  /** Closes a connection that nobody needs, of this host if one is given. Returns whether there was one. */
  makeRoom(host: string | undefined): boolean;
  onRefused(stream: ByteStream, reason: string): void;
}

/** Counts the open connections of a listener. */
export class ConnectionLimit {
  readonly #limits: ConnectionLimits;
  readonly #owner: ConnectionOwner;
  readonly #byHost = new Map<string, number>();
  readonly #clock: Clock;
  readonly #farewells: Farewells;
  #count = 0;
  /** When the connections that were accepted so far would all have been due, one after another. */
  #dueAtMs = -Infinity;

  constructor(clock: Clock, limits: ConnectionLimits, owner: ConnectionOwner) {
    this.#clock = clock;
    this.#farewells = new Farewells(clock);
    this.#limits = limits;
    this.#owner = owner;
  }

  /** How many are open. */
  get count(): number {
    return this.#count;
  }

  /**
   * Counts a connection that was just accepted, until it is closed. Closes it with the reason and resolves to false if it
   * is one too many. Accept no other one before it resolves.
   */
  async admit(stream: ByteStream): Promise<boolean> {
    await this.#keepPace();
    const host = hostOf(stream);
    const reason = this.#problem(host);
    if (reason !== undefined) {
      this.#farewells.close(stream, reason);
      this.#owner.onRefused(stream, reason);
      return false;
    }
    this.#add(host, 1);
    this.#countUntilClosed(stream, host);
    return true;
  }

  async #keepPace(): Promise<void> {
    const { acceptedPerSecond, acceptedAtOnce } = this.#limits;
    const stepMs = 1_000 / acceptedPerSecond;
    const nowMs = this.#clock.now();
    this.#dueAtMs = Math.max(this.#dueAtMs, nowMs - acceptedAtOnce * stepMs) + stepMs;
    if (this.#dueAtMs > nowMs) await delay(this.#clock, this.#dueAtMs - nowMs);
  }

  #problem(host: string): string | undefined {
    const { all, perHost } = this.#limits;
    const ofHost = () => this.#byHost.get(host) ?? 0;
    if (ofHost() >= perHost && !this.#owner.makeRoom(host)) {
      return `${ofHost()} connections from there are open, and all are used`;
    }
    if (this.#count >= all && !this.#owner.makeRoom(undefined)) {
      return `${this.#count} connections are open, and all are used`;
    }
    return undefined;
  }

  /** A method is replaced, not the stream wrapped: a stream says more of itself than this needs to know. */
  #countUntilClosed(stream: ByteStream, host: string): void {
    const close = stream.close.bind(stream);
    let isOpen = true;
    stream.close = () => {
      if (isOpen) this.#add(host, -1);
      isOpen = false;
      close();
    };
  }

  #add(host: string, more: number): void {
    this.#count += more;
    const count = (this.#byHost.get(host) ?? 0) + more;
    if (count > 0) this.#byHost.set(host, count);
    else this.#byHost.delete(host);
  }
}

/** The host of a connection, without the port, which is another one for each. */
export function hostOf({ peer }: Pick<ByteStream, "peer">): string {
  return peer.replace(/:\d+$/, "");
}
