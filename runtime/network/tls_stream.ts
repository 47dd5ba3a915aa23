/**
 * TLS 1.3: that of the connection, if it has one (`bun/tls.ts`), and otherwise `node:tls` over its bytes. Both sides
 * show a certificate, and neither is rejected here: the caller looks at it before it uses the stream. (TLS itself would
 * tell the peer no reason. And a `TLSSocket` of Deno with `isServer` and `rejectUnauthorized` still gives out what a
 * foreign peer sends.)
 *
 * The TLS of Deno reads all that it is given, also while its own reader is paused. So it is given no more bytes while
 * many decrypted ones wait to be read.
 */

import { Duplex } from "node:stream";
import type { ConnectionOptions, SecureVersion, TlsOptions, TLSSocket } from "node:tls";
import { ChunkQueue } from "../chunk_queue.ts";
import { toError } from "../error_text.ts";
import type { ByteStream, TlsStream } from "../ports.ts";
import type { TlsIdentity } from "./tls_start.ts";

/** Bytes that are read from the connection at once. */
const READ_BYTES = 256 * 1024;

/** Bytes that TLS gets at once, and so many it may have that are not written to the connection yet. */
const WRITE_BYTES = 256 * 1024;

/** A part up to this size is not waited for until it is encrypted. */
const ENCRYPTED_LATER_BYTES_MAX = 64 * 1024;

const NOTHING = new Uint8Array(0);

/** Does the handshake with a client. Closing `stream` ends it. `head`: bytes that were already read from it. */
export async function tlsServerStream(
  stream: ByteStream,
  identity: TlsIdentity,
  head: Uint8Array = NOTHING,
): Promise<TlsStream> {
  if (stream.startTls) return await stream.startTls({ identity, isServer: true, head });
  const { createServer } = await import("node:tls");
  const options: TlsOptions = {
    ...contextOf(identity),
    requestCert: true,
    rejectUnauthorized: false,
    allowHalfOpen: true,
  };
  const server = createServer(options);
  const carrier = new Carrier(stream, head);
  const { promise, resolve, reject } = handshakeOn(carrier);
  server.on("secureConnection", resolve);
  server.on("tlsClientError", reject);
  server.on("error", reject);
  server.emit("connection", carrier);
  return await established(promise, carrier);
}

/** Does the handshake with a server. Closing `stream` ends it. */
export async function tlsClientStream(
  stream: ByteStream,
  identity: TlsIdentity,
): Promise<TlsStream> {
  if (stream.startTls) return await stream.startTls({ identity, isServer: false, head: NOTHING });
  const { connect } = await import("node:tls");
  const carrier = new Carrier(stream);
  const options: ConnectionOptions & { allowHalfOpen: boolean } = {
    ...contextOf(identity),
    socket: carrier,
    servername: identity.serverName,
    rejectUnauthorized: false,
    allowHalfOpen: true,
  };
  const { promise, resolve, reject } = handshakeOn(carrier);
  const socket = connect(options);
  socket.once("secureConnect", () => resolve(socket));
  socket.on("error", reject);
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

/** A handshake fails when the connection does. TLS itself does not always notice that the other side is gone. */
function handshakeOn(carrier: Carrier): PromiseWithResolvers<TLSSocket> {
  const handshake = Promise.withResolvers<TLSSocket>();
  const onClosed = () =>
    handshake.reject(new Error("the connection was closed before it was complete"));
  carrier.on("error", handshake.reject);
  carrier.on("close", onClosed);
  carrier.onEnded = onClosed;
  return handshake;
}

async function established(socket: Promise<TLSSocket>, carrier: Carrier): Promise<TlsStream> {
  try {
    return new NodeTlsStream(await socket, carrier);
  } catch (error) {
    carrier.destroy();
    throw error;
  }
}

/** Carries the encrypted bytes between TLS and the connection. */
class Carrier extends Duplex {
  readonly stream: ByteStream;
  readonly #space = new Uint8Array(READ_BYTES);
  #head: Uint8Array | undefined;
  #isWanted = false;
  #isReading = false;
  #isPaused = false;
  /** Called when bytes have been written to the connection. */
  onWritten = () => {};
  /** Called when the connection has no more bytes. */
  onEnded = () => {};

  constructor(stream: ByteStream, head?: Uint8Array) {
    super({ readableHighWaterMark: READ_BYTES, writableHighWaterMark: WRITE_BYTES });
    this.stream = stream;
    this.#head = head && head.byteLength > 0 ? head : undefined;
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
      if (bytes === null) this.onEnded();
    } catch (error) {
      this.#isReading = false;
      this.destroy(toError(error));
    }
  }

  async #next(): Promise<Uint8Array | null> {
    const head = this.#head;
    this.#head = undefined;
    if (head) return head;
    const bytes = await this.stream.read(this.#space);
    return bytes === null ? null : this.#space.slice(0, bytes); // TLS may keep it
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
    this.stream.write(bytes as Uint8Array<ArrayBuffer>).then(() => {
      done();
      this.onWritten();
    }, done);
  }

  override _final(done: (error?: Error) => void): void {
    this.stream.endWrites().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.stream.close();
    done(error);
  }
}

/** A connection with TLS as a stream. */
class NodeTlsStream implements TlsStream {
  readonly peer: string;
  readonly certificate: Uint8Array | undefined;
  readonly isAuthorized: boolean | undefined;
  readonly #socket: TLSSocket;
  readonly #carrier: Carrier;
  readonly #incoming: ChunkQueue;
  /** Bytes that TLS has and has not encrypted. */
  #unencryptedBytes = 0;
  #waiting: (() => void)[] = [];
  #failure: Error | undefined;

  constructor(socket: TLSSocket, carrier: Carrier) {
    const { raw } = socket.getPeerCertificate() ?? {};
    this.peer = carrier.stream.peer;
    this.certificate = raw;
    // Deno checks no certificate when a session is resumed, and calls every such peer authorized.
    this.isAuthorized = socket.isSessionReused() ? undefined : socket.authorized;
    this.#socket = socket;
    this.#carrier = carrier;
    this.#incoming = new ChunkQueue((isPaused) => carrier.pauseReading(isPaused));
    carrier.onWritten = () => this.#onProgress();
    carrier.onEnded = () => {};
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
      const part = bytes.subarray(at, at + WRITE_BYTES);
      while (!this.#failure && this.#unwrittenBytes > 0) await this.#progress();
      if (this.#failure) throw this.#failure;
      // TLS encrypts later, and may still have the bytes when the connection fails. The caller may give back their
      // memory then, which may not even be there any more.
      const copy = new Uint8Array(part);
      if (part.byteLength <= ENCRYPTED_LATER_BYTES_MAX) this.#send(copy);
      else await this.#encrypted(copy);
    }
  }

  async #encrypted(part: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#send(part);
    while (!this.#failure && this.#unencryptedBytes > 0) await this.#progress();
  }

  get #unwrittenBytes(): number {
    return this.#unencryptedBytes + this.#carrier.writableLength;
  }

  #send(part: Uint8Array<ArrayBuffer>): void {
    this.#unencryptedBytes += part.byteLength;
    this.#socket.write(part, () => {
      this.#unencryptedBytes -= part.byteLength;
      this.#onProgress();
    });
  }

  async endWrites(): Promise<void> {
    let hasEnded = false;
    this.#socket.end(() => {
      hasEnded = true;
      this.#onProgress();
    });
    while (!this.#failure && !(hasEnded && this.#unwrittenBytes === 0)) await this.#progress();
  }

  close(): void {
    this.#onClosed();
    this.#socket.destroy();
    this.#carrier.destroy();
  }

  #onClosed(error?: Error): void {
    this.#incoming.end(error);
    this.#failure ??= error ?? new Error("the connection is closed");
    this.#onProgress();
  }

  /** Resolves when bytes have been encrypted or written, or the connection is closed. */
  #progress(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #onProgress(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
