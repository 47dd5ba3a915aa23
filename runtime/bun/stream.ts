/** A socket of Bun's as a stream. */

import process from "node:process";
import { openCFunctions } from "./ffi.ts";
import { placeOf, type Socket, type SocketEvents, SocketWrites } from "./socket.ts";
import { type BunTlsStream, upgraded } from "./tls.ts";
import { ChunkQueue } from "../chunk_queue.ts";
import { nextTurn } from "../clock.ts";
import { DirectReads, RECEIVE_FUNCTIONS, type ReceiveLibrary } from "../native/direct_reads.ts";
import type { ByteStream, StreamEnds, TlsStream } from "../ports.ts";
import {
  enlargeSendBuffer,
  LARGE_WRITE_BYTES,
  SEND_BUFFER_FUNCTIONS,
  type SendBufferLibrary,
} from "../native/send_buffer.ts";
import type { TlsStart } from "../network/tls_start.ts";

let receiving: ReceiveLibrary | undefined;

/** Opened at the first large payload: most processes never read one. */
function receiveLibrary(): ReceiveLibrary {
  return receiving ??= openCFunctions<ReceiveLibrary>(RECEIVE_FUNCTIONS);
}

let sending: SendBufferLibrary | undefined;

function sendBufferLibrary(): SendBufferLibrary {
  return sending ??= openCFunctions<SendBufferLibrary>(SEND_BUFFER_FUNCTIONS);
}

const NOTHING = new Uint8Array(0);

/** A socket as a stream. */
export class SocketStream implements ByteStream, SocketEvents {
  readonly peer: string;
  readonly ends?: StreamEnds;
  readonly #socket: Socket;
  readonly #incoming: ChunkQueue;
  readonly #writes: SocketWrites;
  readonly #direct: DirectReads;
  /** The same connection, once it uses TLS. */
  #secure: BunTlsStream | undefined;
  #isAnswered = false;
  #hasLargeBuffer = false;
  #isListening = true;
  #isClosed = false;

  /** `open` opens the function for direct reads. */
  constructor(socket: Socket, open: () => ReceiveLibrary = receiveLibrary) {
    const { peer, ends } = placeOf(socket);
    this.peer = peer;
    if (ends) this.ends = ends;
    this.#socket = socket;
    this.#incoming = new ChunkQueue((isPaused) => isPaused ? socket.pause() : socket.resume());
    this.#writes = new SocketWrites(socket);
    this.#direct = new DirectReads(open);
  }

  read(into: Uint8Array<ArrayBuffer>, isLarge = false): Promise<number | null> {
    const { fd = -1 } = this.#socket;
    const isPossible = fd >= 0 && this.#incoming.isEmpty && !this.#isClosed;
    if (isPossible && this.#direct.isTurnOver) return this.#readNextTurn(into, isLarge);
    const bytes = isPossible ? this.#direct.read(fd, into, isLarge) : 0;
    if (bytes > 0) return Promise.resolve(bytes);
    if (this.#incoming.isEmpty) this.#listen(true);
    return this.#incoming.read(into);
  }

  async #readNextTurn(into: Uint8Array<ArrayBuffer>, isLarge: boolean): Promise<number | null> {
    await nextTurn();
    this.#direct.onTurn();
    return await this.read(into, isLarge);
  }

  /** Whether Bun reads what comes. It does so again and again while much is waiting, and copies all of it. */
  #listen(isListening: boolean): void {
    if (isListening === this.#isListening || this.#isClosed) return;
    this.#isListening = isListening;
    if (isListening) this.#socket.resume();
    else this.#socket.pause();
  }

  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (bytes.byteLength >= LARGE_WRITE_BYTES && !this.ends) this.#enlargeBuffer();
    return this.#writes.write(bytes);
  }

  #enlargeBuffer(): void {
    if (this.#hasLargeBuffer) return;
    this.#hasLargeBuffer = true;
    if (process.platform === "linux") enlargeSendBuffer(sendBufferLibrary(), this.#socket.fd ?? -1);
  }

  endWrites(): Promise<void> {
    this.#socket.shutdown();
    return Promise.resolve();
  }

  close(): void {
    if (this.#secure) return this.#secure.close();
    if (this.#isClosed) return;
    this.onClosed();
    this.#socket.end();
  }

  unref(): void {
    this.#socket.unref();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  async startTls({ identity, isServer, head }: TlsStart): Promise<TlsStream> {
    if (this.#isClosed || this.#incoming.hasEnded) throw new Error("the connection is closed");
    if (!isServer && !this.#incoming.isEmpty) throw new Error("the server has spoken first");
    this.#listen(true);
    const read = this.#incoming.takeAll(head);
    const { secure, handshake } = upgraded(this.#socket, { identity, isServer, head: read });
    this.#secure = secure;
    await handshake;
    this.#incoming.takeAll(NOTHING); // it was TLS
    return secure;
  }

  onData(chunk: Uint8Array): void {
    this.#direct.onTurn();
    if (this.#direct.areUsed && !this.#secure) this.#listen(false);
    // With TLS, the socket still shows what arrives, encrypted. Only the first of it may be wanted: if it is no TLS.
    if (!this.#secure || !this.#isAnswered) this.#incoming.push(chunk);
    this.#isAnswered = this.#secure !== undefined;
  }

  onPeerEnded(): void {
    this.#incoming.end();
  }

  onDrain(): void {
    this.#writes.onWritable();
  }

  onClosed(error?: Error): void {
    this.#isClosed = true;
    this.#incoming.end(error);
    this.#writes.onWritable(error ?? new Error("the connection is closed"));
  }
}
