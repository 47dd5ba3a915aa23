/**
 * Decides how the other end of a connection proves who it is: as a process of this user on this machine, or with the
 * key. Both sides come to the same answer. `--insecure` takes everybody.
 */

import process from "node:process";
import { encodeRefusal, HEADER_BYTES } from "../protocol/mod.ts";
import { loopbackBytes } from "../runtime/network/loopback_address.ts";
import type { Address, ByteStream, PeerProof, Runtime } from "../runtime/ports.ts";
import type { Log } from "../system/log.ts";
import { derivedStream, readHead, withFirstRead, withHead } from "./derived_stream.ts";
import { beginsHandshake, handshakeHead, mayBeginHandshake } from "./first_bytes.ts";
import { HandshakeQueue } from "./handshake_queue.ts";
import { KeyError } from "./key_error.ts";
import { KeyHolder } from "./key_holder.ts";
import { isFromSameUser, isToSameUser } from "./peer_user.ts";
import { messageIdIn, tellRefusal, withRefusal } from "./refusal_message.ts";
import { KeyNeededError, LeftError, RefusedError, refusedError } from "./refused_error.ts";
import { type Role, ROLES } from "./role.ts";

/**
 * How long a peer may take to prove who it is. A slow network needs a second, and a machine on which ten processes wait
 * for each CPU needs ten.
 */
const PROOF_MS_MAX = 30_000;

/**
 * How long a peer may say nothing before a run that listens tells it that it needs a key. A worker of this user waits for
 * the run to speak if it sees whose the run is. If the run does not see whose the worker is, neither would ever begin. A
 * worker that is about to use TLS has begun by then: once it is accepted, it may look for two seconds whose the run is,
 * and for its key.
 */
const SILENT_MS_MAX = 5_000;

/** What a peer is told that has to use TLS and does not. */
const NEEDS_KEY: Readonly<Record<Role, string>> = {
  worker:
    "this worker needs a key: it serves other machines and other users only with TLS, and only " +
    "those that have its key (distcomp key)",
  controller:
    "this run needs a key: it uses workers of other machines and other users only with TLS, " +
    "and only those that have its key (distcomp key)",
};

/** What a controller with a key is told by a worker without one. */
const INSECURE = "this worker was started with --insecure, so it uses no TLS; start the run with " +
  "--insecure too";

const NEEDS_KEY_ALL: ReadonlySet<string> = new Set(Object.values(NEEDS_KEY));

const SAME_USER: PeerProof = { kind: "same user" };
const NO_PROOF: PeerProof = { kind: "none" };

/** How connections are guarded. */
export interface GuardOptions {
  /** What this process is. */
  readonly role: Role;
  /** The file of the key; the user's own unless given. A controller then uses TLS with this user's workers too. */
  readonly key?: string | undefined;
  /** Everybody is taken, and nothing is encrypted. */
  readonly insecure?: boolean | undefined;
  readonly log: Log;
}

/** What is needed of the runtime. */
export type GuardPorts = Pick<Runtime, "clock" | "random" | "peerUser">;

/** Lets connections prove who is at their other end. */
export class Guard {
  readonly #ports: GuardPorts;
  readonly #options: GuardOptions;
  readonly #key: KeyHolder;
  readonly #handshakes: HandshakeQueue;
  /** Peers of this user that have asked for TLS: they could not see that they need none. */
  readonly #needKey = new Set<string>();

  constructor(ports: GuardPorts, options: GuardOptions) {
    const { clock, random } = ports;
    const { role, key, log } = options;
    this.#ports = ports;
    this.#options = options;
    this.#handshakes = new HandshakeQueue(clock);
    this.#key = new KeyHolder(role, { clock, random, path: key, env: process.env }, log);
  }

  /** Opens the key now, so that its problems show. Resolves to the roles that it gives. Rejects with a `KeyError`. */
  async openKey(): Promise<readonly Role[]> {
    return this.#options.insecure ? ROLES : (await this.#key.open()).roles;
  }

  /** The stream to use for a connection that was dialed. Rejects with a `RefusedError` if one side refuses. */
  async dialed(stream: ByteStream, { kind }: Address): Promise<ByteStream> {
    const { role, key, insecure } = this.#options;
    if (kind === "unix") return withRefusal(derivedStream(stream, { proof: SAME_USER }));
    if (insecure) return withRefusal(derivedStream(stream, { proof: NO_PROOF }));
    // A run that listens speaks first, so a worker that dials cannot choose: it has to come to the same answer.
    const isForced = role === "controller" && key !== undefined;
    const isAsked = this.#needKey.delete(stream.peer);
    if (!isForced && !isAsked && await isToSameUser(this.#ports, stream)) {
      const plain = derivedStream(stream, { proof: SAME_USER });
      return withRefusal(plain, (...error) => this.#refusalOf(stream.peer, ...error));
    }
    return await this.#inTime(stream, () => this.#secureClient(stream));
  }

  /**
   * The stream to use for a connection that was accepted; a promise if it first has to prove who it is. That rejects
   * if the other end is refused, which is told why.
   */
  accepted(stream: ByteStream, { kind }: Address): ByteStream | Promise<ByteStream> {
    const { role, insecure } = this.#options;
    if (kind === "unix") return derivedStream(stream, { proof: SAME_USER });
    const isSame = !insecure && isFromSameUser(this.#ports, stream);
    if (!insecure && !isSame) return this.#inTime(stream, () => this.#proven(stream));
    const plain = derivedStream(stream, { proof: isSame ? SAME_USER : NO_PROOF });
    // A controller speaks first, so a worker sees whether it uses TLS although it need not.
    if (role === "controller") return plain;
    return withFirstRead(
      plain,
      (head) => isSame ? this.#eitherWay(plain, head) : this.#plainOnly(plain, head),
    );
  }

  async #secureClient(stream: ByteStream): Promise<ByteStream> {
    const refusalOf = (reason: string, isAnswer: boolean) => {
      if (isAnswer) return undefined;
      this.#key.forget(); // the right one may be there at the next attempt
      return refusedError(reason);
    };
    try {
      const credentials = await this.#key.forPeer();
      const { secureClient } = await import("./handshake.ts");
      return withRefusal(await secureClient(stream, credentials, this.#ports.clock), refusalOf);
    } catch (error) {
      if (error instanceof RefusedError) this.#key.forget();
      throw error;
    }
  }

  async #proven(stream: ByteStream): Promise<ByteStream> {
    const head = await this.#firstBytes(stream);
    if (beginsHandshake(head)) return await this.#secureServer(stream, head);
    const id = messageIdIn(await readHead(stream, HEADER_BYTES, head));
    await tellRefusal(stream, NEEDS_KEY[this.#options.role], this.#ports.clock, { id });
    throw new RefusedError(
      "it does not use TLS, and is not a program of this user on this machine",
    );
  }

  /** A peer of this user that is not seen to be one asks for a key, and gets it at the next attempt. */
  #refusalOf(peer: string, reason: string, isAnswer: boolean): Error | undefined {
    if (!NEEDS_KEY_ALL.has(reason)) return isAnswer ? undefined : refusedError(reason);
    this.#needKey.add(peer);
    return new KeyNeededError(reason);
  }

  /** What the peer says first. Each side tells the other what it needs, so a worker is told that says nothing. */
  async #firstBytes(stream: ByteStream): Promise<Uint8Array> {
    const { role } = this.#options;
    let isTold = false;
    const tell = () => {
      isTold = role === "controller";
      // The end of the connection is seen below.
      if (isTold) stream.write(encodeRefusal(NEEDS_KEY[role])).catch(() => {});
    };
    const timer = this.#ports.clock.after(SILENT_MS_MAX, tell);
    try {
      const head = await handshakeHead(stream);
      if (head.byteLength > 0) return head;
    } finally {
      timer.stop();
    }
    if (isTold) {
      throw new RefusedError("it waited for this run to begin without TLS, and was told to use it");
    }
    const isNear = loopbackBytes(stream.ends?.remote.host ?? "") !== undefined;
    throw new (isNear ? LeftError : Error)("it has closed the connection without a message");
  }

  async #secureServer(stream: ByteStream, head: Uint8Array): Promise<ByteStream> {
    const { role } = this.#options;
    const { clock } = this.#ports;
    const turn = () => this.#handshakes.next(stream);
    try {
      const credentials = await this.#key.forPeer();
      const { secureServer } = await import("./handshake.ts");
      return withRefusal(await secureServer(stream, head, credentials, clock, turn));
    } catch (error) {
      // Without a key there is no TLS. The reason names a file, which is not everybody's business.
      if (error instanceof RefusedError && error.cause instanceof KeyError) {
        await tellRefusal(
          stream,
          `the ${role} has no key that it can use; its log says why`,
          clock,
        );
      }
      throw error;
    }
  }

  /** A controller of this user may use TLS, and may do without. */
  async #eitherWay(stream: ByteStream, read: Uint8Array): Promise<ByteStream> {
    if (!mayBeginHandshake(read)) return stream;
    const head = await handshakeHead(stream, read);
    if (!beginsHandshake(head)) return withHead(stream, head);
    return await this.#inTime(stream, () => this.#secureServer(stream, head));
  }

  /** With `--insecure` there is no key. */
  async #plainOnly(stream: ByteStream, read: Uint8Array): Promise<ByteStream> {
    if (!mayBeginHandshake(read)) return stream;
    const head = await handshakeHead(stream, read);
    if (!beginsHandshake(head)) return withHead(stream, head);
    await tellRefusal(stream, INSECURE, this.#ports.clock);
    throw new RefusedError("the controller uses TLS, but this worker was started with --insecure");
  }

  /** Closes the connection if it is not proven in time. */
  async #inTime(stream: ByteStream, prove: () => Promise<ByteStream>): Promise<ByteStream> {
    let isLate = false;
    const timer = this.#ports.clock.after(PROOF_MS_MAX, () => {
      isLate = true;
      stream.close();
    });
    try {
      return await prove();
    } catch (cause) {
      stream.close();
      throw isLate && !(cause instanceof RefusedError)
        ? new Error(`it has not proven who it is within ${PROOF_MS_MAX / 1000}s`)
        : cause;
    } finally {
      timer.stop();
    }
  }
}
