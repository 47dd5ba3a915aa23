/** A listener that gives out connections when they have proven who is at their other end. */

import { AcceptPace, type AcceptRate } from "../link/accept_pace.ts";
import type { Clock } from "../runtime/clock.ts";
import { networkOfPeer } from "../runtime/network/peer_network.ts";
import type { Address, ByteStream, StreamListener } from "../runtime/ports.ts";
import { openFilesMax } from "../system/open_files.ts";

/**
 * How many connections may be about to prove who they are: those of a cluster that starts at once wait for their turn.
 * One takes some 50 KB, unless the other end is slow on purpose.
 */
const UNPROVEN_MAX = 512;

/**
 * How many of them are accepted: a thousand machines of a cluster at once. Bun closes those that wait beside 128
 * others.
 */
const UNPROVEN: AcceptRate = { perSecond: 1_000, atOnce: UNPROVEN_MAX };

/** The part of the files that this process may open that unproven connections may take. */
const UNPROVEN_FILES_PART = 1 / 8;

/** What it needs. */
export interface Admission {
  /** The stream to use; a promise if that takes time. */
  admit(stream: ByteStream, address: Address): ByteStream | Promise<ByteStream>;
  /** A connection was refused, or has failed. */
  onRefused(peer: string, error: unknown): void;
}

/** Accepts connections, and lets none wait for another one that is slow. */
export class GuardedListener implements StreamListener {
  readonly #listener: StreamListener;
  readonly #admission: Admission;
  readonly #pace: AcceptPace;
  readonly #unproven = new Map<ByteStream, string>();
  readonly #unprovenMax = Math.min(UNPROVEN_MAX, Math.ceil(openFilesMax() * UNPROVEN_FILES_PART));
  readonly #ready: ByteStream[] = [];
  /** Somebody has taken all that were ready. */
  #onTaken: (() => void) | undefined;
  #waiting: ((stream: ByteStream | null) => void) | undefined;
  #isClosed = false;

  constructor(listener: StreamListener, clock: Clock, admission: Admission) {
    this.#listener = listener;
    this.#admission = admission;
    this.#pace = new AcceptPace(clock, UNPROVEN);
    void this.#acceptAll();
  }

  get address(): Address {
    return this.#listener.address;
  }

  accept(): Promise<ByteStream | null> {
    const stream = this.#ready.shift();
    if (this.#ready.length === 0) this.#onTaken?.();
    if (stream || this.#isClosed) return Promise.resolve(stream ?? null);
    return new Promise((resolve) => this.#waiting = resolve);
  }

  close(): void {
    this.#listener.close();
    this.#onClosed();
  }

  async #acceptAll(): Promise<void> {
    for (;;) {
      // Whoever takes them may be slow: the others wait in the queue of the system, where they cost this process nothing.
      if (this.#ready.length > 0) await new Promise<void>((resolve) => this.#onTaken = resolve);
      const stream = await this.#listener.accept();
      if (!stream) return this.#onClosed();
      const admitted = this.#admission.admit(stream, this.address);
      if (admitted instanceof Promise) {
        this.#onUnproven(stream, admitted);
        await this.#pace.keep();
      } else {
        this.#onReady(admitted);
      }
    }
  }

  #onUnproven(stream: ByteStream, admitted: Promise<ByteStream>): void {
    this.#unproven.set(stream, networkOfPeer(stream.peer));
    if (this.#unproven.size > this.#unprovenMax) this.#dropOne();
    admitted.then(
      (proven) => {
        // A connection that was dropped has failed. But it may have succeeded at the same moment.
        if (this.#unproven.delete(stream)) this.#onReady(proven);
        else proven.close();
      },
      (error) => {
        if (this.#unproven.delete(stream)) this.#admission.onRefused(stream.peer, error);
      },
    );
  }

  /** The host with the most unproven connections loses its oldest one, so that it harms itself first. */
  #dropOne(): void {
    const counts = new Map<string, number>();
    for (const host of this.#unproven.values()) counts.set(host, (counts.get(host) ?? 0) + 1);
    const most = Math.max(...counts.values());
    for (const [stream, host] of this.#unproven) {
      if (counts.get(host) !== most) continue;
      this.#unproven.delete(stream);
      stream.close();
      this.#admission.onRefused(
        stream.peer,
        new Error("too many connections have not proven who they are"),
      );
      return;
    }
  }

  #onReady(stream: ByteStream): void {
    if (this.#isClosed) return stream.close();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) waiting(stream);
    else this.#ready.push(stream);
  }

  #onClosed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onTaken?.();
    for (const stream of [...this.#unproven.keys(), ...this.#ready.splice(0)]) stream.close();
    this.#unproven.clear();
    this.#waiting?.(null);
  }
}
