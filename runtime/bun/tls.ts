/**
 * TLS of Bun's own sockets. TLS over a stream (`tls_stream.ts`) takes twice the CPU time there: a copy and an event for
 * each record of 16 KiB, where a socket decrypts up to 512 KiB at once and encrypts bytes from where they are.
 */

import type { BunTlsOptions } from "./api.ts";
import { placeOf, type Socket, type SocketEvents, socketHandlers, SocketWrites } from "./socket.ts";
import { ChunkQueue } from "../chunk_queue.ts";
import type { StreamEnds, TlsStream } from "../ports.ts";
import type { TlsIdentity, TlsStart } from "../network/tls_start.ts";

/** TLS 1.3, as it is called on the wire. */
const TLS_1_3 = 0x0304;

/** A socket that goes over to TLS, and the stream of what is inside. `handshake`: rejects if it fails. */
export function upgraded(
  socket: Socket,
  { identity, isServer, head }: TlsStart,
): { secure: BunTlsStream; handshake: Promise<void> } {
  const handshake = Promise.withResolvers<void>();
  let secure: BunTlsStream | undefined;
  const streamOf = (socket: Socket) => secure = new BunTlsStream(socket, handshake);
  socket.upgradeTLS({
    isServer,
    initialData: head,
    tls: optionsOf(identity),
    socket: {
      ...socketHandlers(streamOf),
      handshake: (_, isDone, error) => secure?.onHandshake(isDone, error),
    },
  });
  return { secure: secure as BunTlsStream, handshake: handshake.promise };
}

function optionsOf(identity: TlsIdentity): BunTlsOptions {
  return {
    key: identity.privateKey,
    cert: identity.certificate,
    ca: [...identity.authorities],
    serverName: identity.serverName,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: TLS_1_3,
    maxVersion: TLS_1_3,
  };
}

/** A socket with TLS as a stream. */
export class BunTlsStream implements TlsStream, SocketEvents {
  readonly peer: string;
  readonly ends?: StreamEnds;
  readonly #socket: Socket;
  readonly #incoming: ChunkQueue;
  readonly #writes: SocketWrites;
  readonly #handshake: PromiseWithResolvers<void>;
  #certificate: Uint8Array | undefined;
  #isAuthorized = false;
  #isClosed = false;

  constructor(socket: Socket, handshake: PromiseWithResolvers<void>) {
    const { peer, ends } = placeOf(socket);
    this.peer = peer;
    if (ends) this.ends = ends;
    this.#socket = socket;
    this.#incoming = new ChunkQueue((isPaused) => isPaused ? socket.pause() : socket.resume());
    this.#writes = new SocketWrites(socket);
    this.#handshake = handshake;
  }

  get certificate(): Uint8Array | undefined {
    return this.#certificate;
  }

  get isAuthorized(): boolean {
    return this.#isAuthorized;
  }

  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    return this.#incoming.read(into);
  }

  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#writes.write(bytes);
  }

  endWrites(): Promise<void> {
    this.#socket.shutdown();
    return Promise.resolve();
  }

  close(): void {
    if (this.#isClosed) return;
    // Bun would keep the socket open until the other side has taken what waits, which may be never.
    const mustWait = this.#writes.areWaiting;
    this.onClosed();
    if (mustWait) this.#socket.terminate();
    else this.#socket.close();
  }

  onHandshake(isDone: boolean, error: Error | null): void {
    this.#certificate = this.#socket.getPeerCertificate()?.raw;
    // A server with another name than the one that was asked for has failed, says Bun, whatever else is wrong with it.
    // Whoever uses the stream looks at its certificate, and says why it is refused.
    if (!isDone && !this.#certificate) {
      if (error) this.#handshake.reject(error);
      return this.close();
    }
    this.#isAuthorized = isDone && this.#socket.authorized;
    this.#handshake.resolve();
  }

  onData(chunk: Uint8Array): void {
    this.#incoming.push(chunk);
  }

  onPeerEnded(): void {
    this.#incoming.end();
    this.#handshake.reject(new Error("the connection was closed before it was complete"));
  }

  onDrain(): void {
    this.#writes.onWritable();
  }

  onClosed(error?: Error): void {
    this.#isClosed = true;
    this.#incoming.end(error);
    this.#writes.onWritable(error ?? new Error("the connection is closed"));
    this.#handshake.reject(error ?? new Error("the connection was closed before it was complete"));
  }
}
