/**
 * A TCP proxy on loopback that is as slow as a network: it limits the rate of each connection, in each direction, and
 * delays what it passes on.
 *
 * ```ts ignore
 * await using proxy = await SlowProxy.start({ port: worker.port, bytesPerMs: 12_500, delayMs: 10 });
 * // … a controller dials 127.0.0.1:proxy.port …
 * ```
 */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** What waits for its turn at most, as in a router: 20 ms at 100 Mbit/s. */
const QUEUED_BYTES_MAX = 256 * 1024;

/** A piece is passed on as a whole. */
const PIECE_BYTES = 16 * 1024;

/** What is behind the proxy, and how slow it is. */
export interface SlowProxyOptions {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly bytesPerMs: number;
  /** In each direction. */
  readonly delayMs: number;
}

/** Passes connections on. */
export class SlowProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Bytes that were passed on towards the port, and back. */
  readonly passedBytes = { there: 0, back: 0 };

  private constructor(options: SlowProxyOptions) {
    this.#server = createServer((near) => {
      const far = connect({ port: options.port, host: "127.0.0.1" });
      for (const socket of [near, far]) this.#keep(socket);
      void this.#carry(near, far, "there", options);
      void this.#carry(far, near, "back", options);
    });
  }

  static async start(options: SlowProxyOptions): Promise<SlowProxy> {
    const proxy = new SlowProxy(options);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #keep(socket: Socket): void {
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    socket.on("error", () => {}).once("close", () => this.#sockets.delete(socket));
  }

  /** Reads no faster than the rate, and writes each piece when it has arrived at the other end. */
  async #carry(
    from: Socket,
    to: Socket,
    way: "there" | "back",
    { bytesPerMs, delayMs }: SlowProxyOptions,
  ): Promise<void> {
    let freeAtMs = performance.now();
    let arrivals = Promise.resolve();
    const arrive = (atMs: number, act: () => void) => {
      arrivals = arrivals.then(async () => {
        const waitMs = atMs - performance.now();
        if (waitMs > 0) await delay(waitMs);
        act();
      });
    };
    try {
      for await (const chunk of from) {
        for (let at = 0; at < chunk.byteLength; at += PIECE_BYTES) {
          const piece = chunk.subarray(at, at + PIECE_BYTES);
          freeAtMs = Math.max(freeAtMs, performance.now()) + piece.byteLength / bytesPerMs;
          arrive(freeAtMs + delayMs, () => {
            this.passedBytes[way] += piece.byteLength;
            to.write(piece);
          });
          const aheadMs = freeAtMs - performance.now() - QUEUED_BYTES_MAX / bytesPerMs;
          if (aheadMs > 0) await delay(aheadMs);
        }
      }
    } catch {
      to.destroy();
    }
    arrive(freeAtMs + delayMs, () => to.end());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }
}
