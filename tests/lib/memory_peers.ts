/** Scripted workers on a network in memory: sockets as they know them, over its streams and in its time. */

import { EventEmitter } from "node:events";
import type { ByteStream } from "../../runtime/ports.ts";
import type { PeerHost, PeerSocket } from "../fixtures/peers/host.ts";
import type { MemoryNetwork } from "./memory_network.ts";

/** Bytes that a socket reads at once, as one of `node:net` does. */
const READ_BYTES = 64 * 1024;

/** A machine on the network. */
export function peerHost(network: MemoryNetwork): PeerHost {
  const { clock, runtime } = network;
  return {
    listen(onConnection) {
      const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
      const closed = Promise.withResolvers<void>();
      void (async () => {
        for (let stream = await listener.accept(); stream; stream = await listener.accept()) {
          onConnection(new MemorySocket(stream));
        }
        closed.resolve();
      })();
      const { address } = listener;
      const port = address.kind === "tcp" ? address.port : 0;
      const close = () => {
        listener.close();
        return closed.promise;
      };
      return Promise.resolve({ port, close });
    },
    async dial(port) {
      return new MemorySocket(await runtime.dial({ kind: "tcp", host: "127.0.0.1", port }, 0));
    },
    now: () => clock.now(),
    after(delayMs, action) {
      const timer = clock.after(delayMs, action);
      return () => timer.stop();
    },
  };
}

/** A socket that behaves as one of `node:net` that does not stay half open. */
class MemorySocket extends EventEmitter implements PeerSocket {
  readonly #stream: ByteStream;
  #written: Promise<void> = Promise.resolve();
  /** Flows as soon as somebody listens, unless it was paused. */
  #isFlowing: boolean | undefined;
  #isReading = false;
  #unread: Uint8Array | undefined;
  #hasEnded = false;
  #peerHasEnded = false;
  destroyed = false;

  constructor(stream: ByteStream) {
    super();
    this.#stream = stream;
    this.on("newListener", (event) => {
      if (event === "data" && this.#isFlowing === undefined) this.resume();
    });
  }

  get writable(): boolean {
    return !this.#hasEnded && !this.destroyed;
  }

  write(bytes: Uint8Array): void {
    const copy = bytes.slice();
    this.#later(() => this.#stream.write(copy));
  }

  end(bytes?: Uint8Array): void {
    if (this.#hasEnded) return;
    if (bytes) this.write(bytes);
    this.#hasEnded = true;
    this.#later(() => this.#stream.endWrites());
    this.#later(() => this.#destroyIfOver());
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#stream.close();
    queueMicrotask(() => this.emit("close"));
  }

  pause(): void {
    this.#isFlowing = false;
  }

  resume(): void {
    this.#isFlowing = true;
    queueMicrotask(() => void this.#read());
  }

  #later(act: () => Promise<void> | void): void {
    this.#written = this.#written.then(act).catch(() => this.destroy());
  }

  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#isFlowing && !this.destroyed && !this.#peerHasEnded) await this.#readOnce();
    this.#isReading = false;
  }

  async #readOnce(): Promise<void> {
    const bytes = this.#unread ?? await this.#take();
    if (this.destroyed) return;
    this.#unread = undefined;
    if (!bytes) {
      this.#peerHasEnded = true;
      this.emit("end");
      this.end();
      this.#destroyIfOver();
    } else if (this.#isFlowing) this.emit("data", bytes);
    else this.#unread = bytes; // it was paused meanwhile
  }

  async #take(): Promise<Uint8Array | undefined> {
    const space = new Uint8Array(READ_BYTES);
    const bytes = await this.#stream.read(space).catch(() => null);
    return bytes === null ? undefined : space.subarray(0, bytes);
  }

  #destroyIfOver(): void {
    if (this.#hasEnded && this.#peerHasEnded) this.destroy();
  }
}
