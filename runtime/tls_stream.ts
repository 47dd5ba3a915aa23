/**
 * TLS 1.3 over any byte stream, with `node:tls`, which Deno and Bun share. Both sides show a certificate, and neither
 * is rejected here: the caller looks at it before it uses the stream. (TLS itself would tell the peer no reason. And a
 * `TLSSocket` of Deno with `isServer` and `rejectUnauthorized` still gives out what a foreign peer sends.)
 *
 * The TLS of Deno reads all that it is given, also while its own reader is paused. So it is given no more bytes while
 * many decrypted ones wait to be read.
 */

import { Duplex } from "node:stream";
import type { ConnectionOptions, SecureVersion, TlsOptions, TLSSocket } from "node:tls";
import { ChunkQueue } from "./chunk_queue.ts";
import { toError } from "./error_text.ts";
import type { ByteStream } from "./ports.ts";

/** Bytes that are read from the connection at once. */
const READ_BYTES = 256 * 1024;

/** Bytes that are given to TLS at once. Encrypted bytes beyond these wait in memory of Deno and Bun. */
const WRITE_BYTES = 256 * 1024;

/** What one side shows, and whom it knows. All are PEM. */
export interface TlsIdentity {
  readonly certificate: string;
  readonly privateKey: string;
  /** The issuers of the peers' certificates. */
  readonly authorities: readonly string[];
  /** The name that a server's certificate must have. A client asks for it. */
  readonly serverName: string;
}

/** A connection on which the handshake is done. */
export interface TlsStream extends ByteStream {
  /** What the peer has shown (DER); `undefined` if nothing. */
  readonly certificate: Uint8Array | undefined;
  /** Whether one of the authorities has issued it, and it is valid now. */
  readonly isAuthorized: boolean;
}

/** Does the handshake with a client. Closing `stream` ends it. `head`: bytes that were already read from it. */
export async function tlsServerStream(
  stream: ByteStream,
  identity: TlsIdentity,
  head: Uint8Array = new Uint8Array(0),
): Promise<TlsStream> {
  const { createServer } = await import("node:tls");
  const options: TlsOptions = {
    ...contextOf(identity),
    requestCert: true,
    rejectUnauthorized: false,
    allowHalfOpen: true,
  };
  const server = createServer(options);
  const carrier = new Carrier(stream, head);
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  server.on("secureConnection", resolve);
  server.on("tlsClientError", reject);
  server.on("error", reject);
  carrier.on("error", reject);
  carrier.on(
    "close",
    () => reject(new Error("the connection was closed during the TLS handshake")),
  );
  server.emit("connection", carrier);
  return await established(promise, carrier);
}

/** Does the handshake with a server. Closing `stream` ends it. */
export async function tlsClientStream(
  stream: ByteStream,
  identity: TlsIdentity,
): Promise<TlsStream> {
  const { connect } = await import("node:tls");
  const carrier = new Carrier(stream);
  const options: ConnectionOptions & { allowHalfOpen: boolean } = {
    ...contextOf(identity),
    socket: carrier,
    servername: identity.serverName,
    rejectUnauthorized: false,
    allowHalfOpen: true,
  };
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connect(options);
  socket.once("secureConnect", () => resolve(socket));
  socket.on("error", reject);
  carrier.on("error", reject);
  const closed = () => reject(new Error("the connection was closed during the TLS handshake"));
  socket.once("close", closed);
  carrier.once("close", closed);
  return await established(promise, carrier);
}

const VERSION: SecureVersion = "TLSv1.3";

function contextOf({ certificate, privateKey, authorities }: TlsIdentity) {
  return {
    key: privateKey,
    cert: certificate,
    ca: [...authorities],
    minVersion: VERSION,
    maxVersion: VERSION,
  };
}

async function established(socket: Promise<TLSSocket>, carrier: Carrier): Promise<TlsStream> {
  try {
    return new SecureStream(await socket, carrier);
  } catch (error) {
    carrier.destroy();
    throw error;
  }
}

/** Carries the encrypted bytes between TLS and the connection. */
class Carrier extends Duplex {
  readonly stream: ByteStream;
  #head: Uint8Array | undefined;
  #isWanted = false;
  #isReading = false;
  #isPaused = false;
  #idle: (() => void)[] = [];

  constructor(stream: ByteStream, head?: Uint8Array) {
    super({ readableHighWaterMark: READ_BYTES, writableHighWaterMark: WRITE_BYTES });
    this.stream = stream;
    this.#head = head && head.byteLength > 0 ? head : undefined;
  }

  /** Resolves when everything that TLS has written is written to the connection. */
  async written(): Promise<void> {
    while (this.writableLength > 0 && !this.destroyed) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
  }

  /** Whether to read no more bytes from the connection. */
  pauseReading(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (!isPaused) void this.#pull();
  }

  override _read(): void {
    this.#isWanted = true;
    void this.#pull();
  }

  async #pull(): Promise<void> {
    if (!this.#isWanted || this.#isReading || this.#isPaused) return;
    this.#isReading = true;
    this.#isWanted = false;
    try {
      const bytes = await this.#next();
      this.#isReading = false;
      this.push(bytes);
    } catch (error) {
      this.#isReading = false;
      this.destroy(toError(error));
    }
  }

  async #next(): Promise<Uint8Array | null> {
    const head = this.#head;
    this.#head = undefined;
    if (head) return head;
    const into = new Uint8Array(READ_BYTES);
    const bytes = await this.stream.read(into);
    return bytes === null ? null : into.subarray(0, bytes);
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this.#write(chunk, done);
  }

  override _writev(
    parts: { chunk: Uint8Array }[],
    done: (error?: Error) => void,
  ): void {
    const chunks = parts.map(({ chunk }) => chunk);
    const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
    let at = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.byteLength;
    }
    this.#write(bytes, done);
  }

  #write(bytes: Uint8Array, done: (error?: Error) => void): void {
    this.stream.write(bytes as Uint8Array<ArrayBuffer>).then(() => done(), done)
      .finally(() => this.#onWritten());
  }

  #onWritten(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  override _final(done: (error?: Error) => void): void {
    this.stream.endWrites().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.stream.close();
    this.#onWritten();
    done(error);
  }
}

/** A connection with TLS as a stream. */
class SecureStream implements TlsStream {
  readonly peer: string;
  readonly certificate: Uint8Array | undefined;
  readonly isAuthorized: boolean;
  readonly #socket: TLSSocket;
  readonly #carrier: Carrier;
  readonly #incoming: ChunkQueue;
  readonly #closed = Promise.withResolvers<never>();

  constructor(socket: TLSSocket, carrier: Carrier) {
    const { raw } = socket.getPeerCertificate() ?? {};
    this.peer = carrier.stream.peer;
    this.certificate = raw;
    this.isAuthorized = socket.authorized;
    this.#socket = socket;
    this.#carrier = carrier;
    this.#incoming = new ChunkQueue((isPaused) => carrier.pauseReading(isPaused));
    this.#closed.promise.catch(() => {});
    socket.on("data", (chunk: Uint8Array) => this.#incoming.push(chunk));
    socket.on("end", () => this.#incoming.end());
    socket.on("error", (error) => this.#onClosed(error));
    socket.on("close", () => this.#onClosed());
    carrier.on("error", (error) => this.#onClosed(error));
    carrier.on("close", () => this.#onClosed());
  }

  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    return this.#incoming.read(into);
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    for (let at = 0; at < bytes.byteLength; at += WRITE_BYTES) {
      await Promise.race([this.#write(bytes.subarray(at, at + WRITE_BYTES)), this.#closed.promise]);
    }
  }

  async #write(part: Uint8Array<ArrayBuffer>): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.write(part, (error) => error ? reject(error) : resolve());
    });
    await this.#carrier.written(); // TLS of Bun does not wait for it
  }

  async endWrites(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#socket.end(resolve));
    await Promise.race([ended, this.#closed.promise]);
    await this.#carrier.written();
  }

  close(): void {
    this.#onClosed();
    this.#socket.destroy();
    this.#carrier.destroy();
  }

  #onClosed(error?: Error): void {
    this.#incoming.end(error);
    this.#closed.reject(error ?? new Error("the connection is closed"));
  }
}
