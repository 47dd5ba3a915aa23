/** Log lines about refused connections: few per host, as anybody can cause them. */

import type { Clock } from "../runtime/clock.ts";
import { messageOf } from "../runtime/error_text.ts";
import { networkOfPeer } from "../runtime/network/peer_network.ts";
import { cutLine } from "../system/line_limit.ts";
import { LeftError } from "./refused_error.ts";
import type { Log } from "../system/log.ts";

/** After a line about a host, further ones are only counted for this long. */
const QUIET_MS = 60_000;

/** How many hosts are told apart. If there are more, they share one line per `QUIET_MS`: an attacker may have many. */
const HOSTS_MAX = 50;
const OTHER_HOSTS = "other hosts";

interface Mention {
  readonly atMs: number;
  /** How many were refused since then, without a line. */
  count: number;
}

/** Logs refused connections. */
export class RefusalLog {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #mentions = new Map<string, Mention>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** A connection from `peer`, a host and a port, was refused. */
  onRefused(peer: string, error: unknown): void {
    if (error instanceof LeftError) return; // nobody was refused
    const nowMs = this.#clock.now();
    const host = this.#nameOf(networkOfPeer(peer), nowMs);
    const mention = this.#mentions.get(host);
    if (mention && nowMs - mention.atMs < QUIET_MS) {
      mention.count += 1;
      return;
    }
    this.#mentions.set(host, { atMs: nowMs, count: 0 });
    const more = mention?.count ? ` (and ${mention.count} more from ${host} before)` : "";
    this.#log.warn(`refused ${peer}: ${cutLine(messageOf(error))}${more}`);
  }

  #nameOf(host: string, nowMs: number): string {
    if (this.#mentions.has(host) || this.#mentions.size < HOSTS_MAX) return host;
    for (const [known, { atMs }] of this.#mentions) {
      if (nowMs - atMs >= QUIET_MS) this.#mentions.delete(known);
    }
    return this.#mentions.size < HOSTS_MAX ? host : OTHER_HOSTS;
  }
}
