/**
 * Bounds how many connections a listener has open. They count from the moment when they are accepted, whatever is done
 * with them before they are used.
 */

import type { Clock } from "../runtime/clock.ts";
import { onClose } from "../runtime/on_close.ts";
import { networkOfPeer } from "../runtime/network/peer_network.ts";
import type { ByteStream } from "../runtime/ports.ts";
import { AcceptPace, type AcceptRate } from "./accept_pace.ts";
import { ClosingStreams } from "./closing_streams.ts";

/** How many connections may be open. */
export interface ConnectionLimits {
  readonly all: number;
  /** From one host. All processes of this machine count as one host, whoever runs them. */
  readonly perHost: number;
  /** How many files the process may have open, if that is why there are not more. */
  readonly filesMax?: number | undefined;
  readonly accepted: AcceptRate;
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
  readonly #pace: AcceptPace;
  readonly #closing: ClosingStreams;
  #count = 0;

  constructor(clock: Clock, limits: ConnectionLimits, owner: ConnectionOwner) {
    this.#pace = new AcceptPace(clock, limits.accepted);
    this.#closing = new ClosingStreams(clock);
    this.#limits = limits;
    this.#owner = owner;
  }

  /** How many are open. */
  get count(): number {
    return this.#count;
  }

  /**
   * Counts a connection that was just accepted, until it is closed. Closes it with the reason and resolves to false if
   * it is one too many. Accept no other one before it resolves.
   */
  async admit(stream: ByteStream): Promise<boolean> {
    await this.#pace.keep();
    const host = hostOfPeer(stream);
    const reason = this.#problem(host);
    if (reason !== undefined) {
      this.#closing.close(stream, reason);
      this.#owner.onRefused(stream, reason);
      return false;
    }
    this.#add(host, 1);
    onClose(stream, () => this.#add(host, -1));
    return true;
  }

  #problem(host: string): string | undefined {
    const { all, perHost } = this.#limits;
    const ofHost = () => this.#byHost.get(host) ?? 0;
    if (ofHost() >= perHost && !this.#owner.makeRoom(host)) {
      return `too many connections from this host: ${ofHost()} are open and in use${this.#why}`;
    }
    if (this.#count >= all && !this.#owner.makeRoom(undefined)) {
      return `too many connections: ${this.#count} are open and in use${this.#why}`;
    }
    return undefined;
  }

  /** For both ends: what would allow more. */
  get #why(): string {
    const { filesMax } = this.#limits;
    const cause = filesMax === undefined
      ? ""
      : ` with a limit of ${filesMax} open files (ulimit -n)`;
    return `, the most${cause}`;
  }

  #add(host: string, more: number): void {
    this.#count += more;
    const count = (this.#byHost.get(host) ?? 0) + more;
    if (count > 0) this.#byHost.set(host, count);
    else this.#byHost.delete(host);
  }
}

/** The host that a connection counts for. */
export function hostOfPeer({ peer }: Pick<ByteStream, "peer">): string {
  return networkOfPeer(peer);
}
